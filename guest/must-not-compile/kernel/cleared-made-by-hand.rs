// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be zero by finish() only.

use kernel::{
    mm::{
        cleared::ClearedPages,
        contig::ContigPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<ClearedPages> {
    #[cfg(wrong)]
    return Ok(ClearedPages(pages)); //~ E0423
    #[cfg(not(wrong))]
    pages.clear()?.finish()
}
