// SPDX-License-Identifier: GPL-2.0

//! Who has unmapped pages has no mapped ones any more.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::ZeroedPages, //
};

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) {
    let _unmapped = pages.unmap();
    #[cfg(wrong)]
    let _nr_pages = pages.nr_pages(); //~ E0382
}
