// SPDX-License-Identifier: GPL-2.0

//! Who only looks at pages does not end their mapping.

use kernel::{
    powerpc::{
        cache_inhibited::CacheInhibitedPages,
        unmapped::UnmappedPages, //
    },
    sync::Arc, //
};

pub(crate) fn program(pages: &Arc<CacheInhibitedPages>) -> Option<UnmappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.clone();
    CacheInhibitedPages::iounmap(pages) //~ E0308
}
