// SPDX-License-Identifier: GPL-2.0

//! A VMA is claimed once.

use kernel::mm::virt::VmaSetup;

pub(crate) fn program(vma: VmaSetup<'_>) {
    let _one = vma.claim();
    #[cfg(wrong)]
    let _two = vma.claim(); //~ E0382
}
