// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be in no cache by finish() only.

use kernel::{
    mm::uncached::{
        FlushingPages,
        IoremappedPages,
        UncachedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: IoremappedPages) -> Result<UncachedPages> {
    #[cfg(wrong)]
    return Ok(UncachedPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages
        .flush()
        .and_then(FlushingPages::finish)
        .map_err(|(_, e)| e)
}
