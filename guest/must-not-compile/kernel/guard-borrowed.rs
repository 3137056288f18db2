// SPDX-License-Identifier: GPL-2.0

//! A mapping lives on after the call that sets it up, so its guard borrows nothing.

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
    let guard = &guard; //~ E0597
    CacheInhibitedPages::mmap(pages, vma, guard)
}
