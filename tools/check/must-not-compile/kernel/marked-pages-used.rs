// SPDX-License-Identifier: GPL-2.0

//! Who has marked pages has no unmarked ones any more.

use kernel::powerpc::zeroed::ZeroedPages;

pub(crate) fn program(pages: ZeroedPages) {
    let _offline = pages.set_offline();
    #[cfg(wrong)]
    let _nr_pages = pages.nr_pages(); //~ E0382
}
