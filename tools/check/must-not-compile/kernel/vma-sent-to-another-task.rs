// SPDX-License-Identifier: GPL-2.0

//! A VMA is prepared by the task that holds the mmap lock.

use kernel::mm::pfnmap::PfnmapDesc;

fn send<T: Send>(_: T) {}

pub(crate) fn program(vma: PfnmapDesc<'_>) {
    #[cfg(not(wrong))]
    let vma = core::ptr::from_ref(&vma).addr();
    send(vma); //~ E0277 sent //~ E0277 sent //~ E0277 sent //~ E0277 sent //~ E0277 sent
}
