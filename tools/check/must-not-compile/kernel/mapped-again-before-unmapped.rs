// SPDX-License-Identifier: GPL-2.0

//! What is in the linear mapping is not put there again, over page table entries that are in use.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::ZeroedPages,
    prelude::*, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) -> Result {
    #[cfg(not(wrong))]
    let pages = pages.unmap()?;
    pages.map().map(drop).map_err(|(_, e)| e) //~ E0599
}
