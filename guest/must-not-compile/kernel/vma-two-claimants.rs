// SPDX-License-Identifier: GPL-2.0

//! There is one claim on a VMA.

use kernel::mm::virt::VmaSetup;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(vma: VmaSetup<'_>) {
    #[cfg(not(wrong))]
    let vma = vma.claim();
    two(vma); //~ E0277 Clone
}
