// SPDX-License-Identifier: GPL-2.0

//! Pages are zeroed, all of them, before they are marked offline.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::{
        ZeroedPages,
        ZeroingPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ZeroingPages) -> Result<OfflinePages<ZeroedPages>> {
    #[cfg(not(wrong))]
    let pages = pages.finish()?;
    Ok(pages.set_offline()) //~ E0599 set_offline
}
