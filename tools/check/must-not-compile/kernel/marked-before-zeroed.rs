// SPDX-License-Identifier: GPL-2.0

//! Pages are zeroed before they are marked offline.

use kernel::{
    mm::{
        contig::ContigPages,
        offline::OfflinePages, //
    },
    powerpc::zeroed::ZeroedPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) -> Result<OfflinePages<ZeroedPages>> {
    #[cfg(not(wrong))]
    let pages = pages.zero()?.finish()?;
    Ok(pages.set_offline()) //~ E0599 set_offline
}
