// SPDX-License-Identifier: GPL-2.0

//! Pages leave the linear mapping once.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::{
        unmapped::UnmappedPages,
        zeroed::ZeroedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) -> Result<UnmappedPages> {
    let pages = pages.unmap()?;
    #[cfg(wrong)]
    let pages = pages.unmap()?; //~ E0599 unmap
    Ok(pages)
}
