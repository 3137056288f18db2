// SPDX-License-Identifier: GPL-2.0

//! What comes from the page allocator is not mapped cache-inhibited at once.

use kernel::{
    mm::contig::ContigPages,
    powerpc::cache_inhibited::IoremappedPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<IoremappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.zero()?.finish()?.set_offline().unmap()?;
    pages.ioremap().map_err(|(_, e)| e) //~ E0599 ioremap
}
