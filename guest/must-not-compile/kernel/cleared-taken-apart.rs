// SPDX-License-Identifier: GPL-2.0

//! Zeroed pages do not turn into new ones.

use kernel::mm::cleared::ClearedPages;

pub(crate) fn program(pages: ClearedPages) {
    #[cfg(wrong)]
    let _pages = pages.0; //~ E0616
    #[cfg(not(wrong))]
    let _pages = pages;
}
