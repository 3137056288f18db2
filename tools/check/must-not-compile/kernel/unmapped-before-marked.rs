// SPDX-License-Identifier: GPL-2.0

//! Pages are marked offline before they leave the linear mapping.

use kernel::{
    powerpc::{
        unmapped::UnmappedPages,
        zeroed::ZeroedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ZeroedPages) -> Result<UnmappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.set_offline();
    pages.unmap() //~ E0599 unmap
}
