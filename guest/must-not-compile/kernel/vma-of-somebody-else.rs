// SPDX-License-Identifier: GPL-2.0

//! A VMA that was claimed is not unclaimed.

use kernel::{
    mm::{
        uncached::UncachedPages,
        virt::VmaUnclaimed, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<UncachedPages>, vma: VmaUnclaimed<'_>) -> Result {
    #[cfg(wrong)]
    let vma = vma.claim();
    UncachedPages::mmap(pages, vma, ()) //~ E0308
}
