// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be zero by finish() only.

use kernel::{
    mm::contig::ContigPages,
    powerpc::zeroed::ZeroedPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<ZeroedPages> {
    #[cfg(wrong)]
    return Ok(ZeroedPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages.zero()?.finish()
}
