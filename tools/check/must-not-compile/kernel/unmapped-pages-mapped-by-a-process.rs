// SPDX-License-Identifier: GPL-2.0

//! A process maps pages that left the linear mapping, and then all caches.

use kernel::{
    powerpc::{
        cache_inhibited::{
            CacheInhibitedPages,
            FlushingPages, //
        },
        unmapped::UnmappedPages, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: UnmappedPages) -> Result {
    #[cfg(not(wrong))]
    let pages = pages
        .ioremap()
        .map_err(|(_, e)| e)?
        .flush()
        .and_then(FlushingPages::finish)
        .map_err(|(_, e)| e)?;
    let pages = Arc::new(pages, GFP_KERNEL)?;
    let _ = CacheInhibitedPages::mapping(pages, ()); //~ E0308
    Ok(())
}
