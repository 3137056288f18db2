// SPDX-License-Identifier: GPL-2.0

//! A mapping has a guard.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, guard: u8) {
    #[cfg(wrong)]
    let _ = CacheInhibitedPages::mapping(pages); //~ E0061
    #[cfg(not(wrong))]
    let _ = CacheInhibitedPages::mapping(pages, guard);
}
