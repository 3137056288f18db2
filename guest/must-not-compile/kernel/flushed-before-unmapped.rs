// SPDX-License-Identifier: GPL-2.0

//! A flush before the linear mapping is gone proves nothing.

use kernel::{
    mm::{
        cache_inhibited::FlushingPages,
        offline::OfflinePages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages) -> Result<FlushingPages> {
    #[cfg(not(wrong))]
    let pages = pages.unmap()?.ioremap().map_err(|(_, e)| e)?;
    pages.flush().map_err(|(_, e)| e) //~ E0599 flush
}
