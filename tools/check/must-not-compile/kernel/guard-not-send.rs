// SPDX-License-Identifier: GPL-2.0

//! A mapping is dropped by any task, so its guard can be.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, guard: usize) {
    #[cfg(wrong)]
    let guard = SyncOnly(core::ptr::without_provenance::<u8>(guard));
    let _ = CacheInhibitedPages::mapping(pages, guard); //~ E0277 sent
}

struct SyncOnly(#[allow(dead_code)] *const u8);

// SAFETY: The pointer is not followed.
unsafe impl Sync for SyncOnly {}
