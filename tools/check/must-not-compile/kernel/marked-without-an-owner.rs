// SPDX-License-Identifier: GPL-2.0

//! Only the owner of pages marks them offline, not who knows where they are.

use kernel::mm::{
    contig::ContigPages,
    offline::OfflinePages, //
};

pub(crate) fn program(pages: ContigPages) {
    #[cfg(wrong)]
    let pages = *pages;
    let _pages = OfflinePages::new(pages); //~ E0277 ExclusivePages
}
