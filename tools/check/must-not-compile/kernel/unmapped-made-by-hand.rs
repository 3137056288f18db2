// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be out of the linear mapping by unmap() only.

use core::mem::ManuallyDrop;
use kernel::{
    mm::offline::OfflinePages,
    powerpc::{
        unmapped::UnmappedPages,
        zeroed::ZeroedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) -> Result<UnmappedPages> {
    #[cfg(wrong)]
    return Ok(UnmappedPages {
        pages: ManuallyDrop::new(pages), //~ E0451 pages
    });
    #[cfg(not(wrong))]
    pages.unmap()
}
