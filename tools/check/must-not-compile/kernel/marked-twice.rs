// SPDX-License-Identifier: GPL-2.0

//! Pages are marked offline once.

use kernel::mm::{
    contig::ContigPages,
    offline::OfflinePages, //
};

pub(crate) fn program(pages: ContigPages) {
    let pages = OfflinePages::new(pages);
    #[cfg(wrong)]
    let pages = OfflinePages::new(pages); //~ E0277 ExclusivePages
    drop(pages);
}
