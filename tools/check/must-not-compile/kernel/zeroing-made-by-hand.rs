// SPDX-License-Identifier: GPL-2.0

//! Work on pages is started by zero() only.

use kernel::{
    mm::contig::ContigPages,
    powerpc::zeroed::ZeroingPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<ZeroingPages> {
    #[cfg(wrong)]
    return Ok(ZeroingPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages.zero()
}
