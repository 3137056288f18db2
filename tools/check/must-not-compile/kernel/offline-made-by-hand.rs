// SPDX-License-Identifier: GPL-2.0

//! Pages are said to be offline by OfflinePages::new() only.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::ZeroedPages, //
};

pub(crate) fn program(pages: ZeroedPages) -> OfflinePages<ZeroedPages> {
    #[cfg(wrong)]
    return OfflinePages(pages); //~ E0423
    #[cfg(not(wrong))]
    pages.set_offline()
}
