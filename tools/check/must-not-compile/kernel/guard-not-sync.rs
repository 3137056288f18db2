// SPDX-License-Identifier: GPL-2.0

//! A mapping that was forked is shared by tasks, and its guard with it.

use core::cell::Cell;
use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, guard: u8) {
    #[cfg(wrong)]
    let guard = Cell::new(guard);
    let _ = CacheInhibitedPages::mapping(pages, guard); //~ E0277 shared
}
