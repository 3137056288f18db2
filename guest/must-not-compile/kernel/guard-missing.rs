// SPDX-License-Identifier: GPL-2.0

//! A mapping has a guard.

use kernel::{
    mm::{
        cache_inhibited::CacheInhibitedPages,
        virt::VmaSetup, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, vma: VmaSetup<'_>, guard: u8) -> Result {
    #[cfg(wrong)]
    return CacheInhibitedPages::mmap(pages, vma); //~ E0061
    #[cfg(not(wrong))]
    CacheInhibitedPages::mmap(pages, vma, guard)
}
