// SPDX-License-Identifier: GPL-2.0

//! Who has claimed a VMA has set it up, and lets nobody else.

use kernel::{
    mm::{
        cache_inhibited::CacheInhibitedPages,
        virt::VmaSetup, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, vma: VmaSetup<'_>) -> Result {
    #[cfg(wrong)]
    vma.claim().set_mixedmap();
    CacheInhibitedPages::mmap(pages, vma, ()) //~ E0382
}
