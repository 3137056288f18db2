// SPDX-License-Identifier: GPL-2.0

//! Pages that are marked do not turn into such that are not.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::ZeroedPages, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) {
    #[cfg(wrong)]
    let OfflinePages(_pages) = pages; //~ E0532
    #[cfg(not(wrong))]
    let _pages = pages;
}
