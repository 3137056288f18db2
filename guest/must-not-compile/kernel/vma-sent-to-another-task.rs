// SPDX-License-Identifier: GPL-2.0

//! A VMA is set up by the task that holds the mmap lock.

use kernel::mm::virt::VmaSetup;

fn send<T: Send>(_: T) {}

pub(crate) fn program(vma: VmaSetup<'_>) {
    #[cfg(not(wrong))]
    let vma = core::ptr::from_ref(vma.claim()).addr();
    send(vma); //~ E0277 shared
}
