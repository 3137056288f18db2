// SPDX-License-Identifier: GPL-2.0

//! A mapping that was forked is shared by tasks, and its guard with it.

use core::cell::Cell;
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
    let guard = Cell::new(guard);
    CacheInhibitedPages::mmap(pages, vma, guard) //~ E0277 shared
}
