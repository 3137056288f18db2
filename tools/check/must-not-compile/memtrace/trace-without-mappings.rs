// SPDX-License-Identifier: GPL-2.0

//! A region is exposed together with what counts its mappings.

use crate::{
    mapcount::MapCount,
    trace::Trace, //
};
use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, mappings: Arc<MapCount>) -> Trace {
    #[cfg(wrong)]
    return Trace::new(pages); //~ E0061
    #[cfg(not(wrong))]
    Trace::new(pages, mappings)
}
