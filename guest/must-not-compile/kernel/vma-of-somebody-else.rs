// SPDX-License-Identifier: GPL-2.0

//! A VMA that was claimed cannot be set up by somebody else.

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
    let vma = vma.claim();
    CacheInhibitedPages::mmap(pages, vma, ()) //~ E0308
}
