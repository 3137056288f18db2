// SPDX-License-Identifier: GPL-2.0

//! A process maps pages that it holds a reference to.

use kernel::{
    mm::{
        cache_inhibited::CacheInhibitedPages,
        virt::VmaSetup, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: CacheInhibitedPages, vma: VmaSetup<'_>) -> Result {
    #[cfg(not(wrong))]
    let pages = Arc::new(pages, GFP_KERNEL)?;
    CacheInhibitedPages::mmap(pages, vma, ()) //~ E0308
}
