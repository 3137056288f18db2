// SPDX-License-Identifier: GPL-2.0

//! Who has claimed a VMA has set it up, and lets nobody else.

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
    vma.claim().set_mixedmap();
    UncachedPages::mmap(pages, vma, ()) //~ E0382
}
