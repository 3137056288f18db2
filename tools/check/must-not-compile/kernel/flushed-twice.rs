// SPDX-License-Identifier: GPL-2.0

//! Pages that are being flushed have one owner.

use kernel::powerpc::cache_inhibited::IoremappedPages;

pub(crate) fn program(pages: IoremappedPages) {
    let _one = pages.flush();
    #[cfg(wrong)]
    let _two = pages.flush(); //~ E0382
}
