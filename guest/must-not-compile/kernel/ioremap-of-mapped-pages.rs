// SPDX-License-Identifier: GPL-2.0

//! What is in the linear mapping is not mapped cache-inhibited as well.

use kernel::{
    mm::{
        cache_inhibited::IoremappedPages,
        offline::OfflinePages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages) -> Result<IoremappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.unmap()?;
    pages.ioremap().map_err(|(_, e)| e) //~ E0599 ioremap
}
