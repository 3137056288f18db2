// SPDX-License-Identifier: GPL-2.0

//! What is in the linear mapping is not mapped cache-inhibited as well.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::{
        cache_inhibited::IoremappedPages,
        zeroed::ZeroedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) -> Result<IoremappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.unmap()?;
    pages.ioremap().map_err(|(_, e)| e) //~ E0599 ioremap
}
