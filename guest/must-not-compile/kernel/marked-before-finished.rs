// SPDX-License-Identifier: GPL-2.0

//! Pages are zeroed, all of them, before they are marked offline.

use kernel::{
    mm::{
        cleared::ClearingPages,
        offline::OfflinePages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ClearingPages) -> Result<OfflinePages> {
    #[cfg(not(wrong))]
    let pages = pages.finish()?;
    Ok(pages.set_offline()) //~ E0599 set_offline
}
