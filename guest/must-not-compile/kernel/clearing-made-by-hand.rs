// SPDX-License-Identifier: GPL-2.0

//! Work on pages is begun by clear() only.

use kernel::{
    mm::{
        cleared::ClearingPages,
        contig::ContigPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<ClearingPages> {
    #[cfg(wrong)]
    return Ok(ClearingPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages.clear()
}
