// SPDX-License-Identifier: GPL-2.0

//! A mapping lives on after the call that sets it up, so its guard borrows nothing.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, guard: u8) {
    #[cfg(wrong)]
    let guard = &guard; //~ E0597
    let _ = CacheInhibitedPages::mapping(pages, guard);
}
