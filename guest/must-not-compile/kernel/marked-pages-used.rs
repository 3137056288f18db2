// SPDX-License-Identifier: GPL-2.0

//! Who has marked pages has no unmarked ones any more.

use kernel::mm::cleared::ClearedPages;

pub(crate) fn program(pages: ClearedPages) {
    let _offline = pages.set_offline();
    #[cfg(wrong)]
    let _nr_pages = pages.nr_pages(); //~ E0382
}
