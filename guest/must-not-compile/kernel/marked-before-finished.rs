// SPDX-License-Identifier: GPL-2.0

//! Pages are zeroed, all of them, before they are marked offline.

use kernel::{
    mm::{
        offline::OfflinePages,
        zeroed::ZeroingPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: ZeroingPages) -> Result<OfflinePages> {
    #[cfg(not(wrong))]
    let pages = pages.finish()?;
    Ok(pages.set_offline()) //~ E0599 set_offline
}
