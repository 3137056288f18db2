// SPDX-License-Identifier: GPL-2.0

//! Zeroed pages do not turn into new ones.

use kernel::powerpc::zeroed::ZeroedPages;

pub(crate) fn program(pages: ZeroedPages) {
    #[cfg(wrong)]
    let _pages = pages.0; //~ E0616
    #[cfg(not(wrong))]
    let _pages = pages;
}
