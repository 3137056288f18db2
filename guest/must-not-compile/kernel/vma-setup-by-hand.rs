// SPDX-License-Identifier: GPL-2.0

//! A VMA that was claimed cannot be wrapped to be claimed again.

use kernel::mm::virt::VmaSetup;

pub(crate) fn program(vma: VmaSetup<'_>) {
    let vma = vma.claim();
    #[cfg(wrong)]
    let vma = VmaSetup(vma); //~ E0423
    let _ = vma;
}
