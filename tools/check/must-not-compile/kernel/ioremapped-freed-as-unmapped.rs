// SPDX-License-Identifier: GPL-2.0

//! Pages leave the cache-inhibited mapping before they are anything else.

use kernel::powerpc::cache_inhibited::IoremappedPages;

pub(crate) fn program(pages: IoremappedPages) {
    #[cfg(wrong)]
    let IoremappedPages { pages, .. } = pages; //~ E0509
    drop(pages);
}
