// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be in no cache by finish() only.

use kernel::{
    powerpc::cache_inhibited::{
        CacheInhibitedPages,
        FlushingPages,
        IoremappedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: IoremappedPages) -> Result<CacheInhibitedPages> {
    #[cfg(wrong)]
    return Ok(CacheInhibitedPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages
        .flush()
        .and_then(FlushingPages::finish)
        .map_err(|(_, e)| e)
}
