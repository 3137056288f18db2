// SPDX-License-Identifier: GPL-2.0

//! A VMA is prepared by one owner.

use kernel::mm::pfnmap::PfnmapDesc;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(vma: PfnmapDesc<'_>) {
    #[cfg(not(wrong))]
    let vma = core::ptr::from_ref(&vma);
    two(vma); //~ E0277 Clone
}
