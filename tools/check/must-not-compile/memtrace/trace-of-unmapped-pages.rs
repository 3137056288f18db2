// SPDX-License-Identifier: GPL-2.0

//! What is exposed is mapped cache-inhibited.

use crate::{
    mapcount::MapCount,
    trace::Trace, //
};
use kernel::{
    powerpc::{
        cache_inhibited::CacheInhibitedPages,
        unmapped::UnmappedPages, //
    },
    sync::Arc, //
};

#[cfg(wrong)]
type Pages = UnmappedPages;
#[cfg(not(wrong))]
type Pages = CacheInhibitedPages;

pub(crate) fn program(pages: Arc<Pages>, mappings: Arc<MapCount>, _: UnmappedPages) -> Trace {
    Trace::new(pages, mappings) //~ E0308
}
