// SPDX-License-Identifier: GPL-2.0

//! Pages are zeroed before they leave the linear mapping, through which they are zeroed.

use kernel::{
    mm::{
        contig::ContigPages,
        offline::OfflinePages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result {
    #[cfg(not(wrong))]
    let pages = pages.zero()?.finish()?;
    let pages = OfflinePages::new(pages);
    pages.unmap().map(drop) //~ E0599 unmap
}
