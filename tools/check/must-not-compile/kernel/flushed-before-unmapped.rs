// SPDX-License-Identifier: GPL-2.0

//! A flush before the linear mapping is gone proves nothing.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::{
        cache_inhibited::FlushingPages,
        zeroed::ZeroedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) -> Result<FlushingPages> {
    #[cfg(not(wrong))]
    let pages = pages.unmap()?.ioremap().map_err(|(_, e)| e)?;
    pages.flush().map_err(|(_, e)| e) //~ E0599 flush
}
