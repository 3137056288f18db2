// SPDX-License-Identifier: GPL-2.0

//! A VMA that was claimed is not made unclaimed.

use kernel::mm::virt::VmaUnclaimed;

pub(crate) fn program(vma: VmaUnclaimed<'_>) {
    let vma = vma.claim();
    #[cfg(wrong)]
    let vma = VmaUnclaimed(vma); //~ E0423
    let _ = vma;
}
