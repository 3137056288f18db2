// SPDX-License-Identifier: GPL-2.0

//! Nobody but the workers has pages that are being zeroed.

use kernel::{
    mm::contig::ContigPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<usize> {
    let zeroing = pages.zero()?;
    #[cfg(wrong)]
    let pages = pages; //~ E0382
    #[cfg(not(wrong))]
    let pages = zeroing.finish()?;
    Ok(pages.start_pfn())
}
