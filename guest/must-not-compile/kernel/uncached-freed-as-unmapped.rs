// SPDX-License-Identifier: GPL-2.0

//! Pages leave the cache-inhibited mapping before they are anything else.

use kernel::mm::uncached::UncachedPages;

pub(crate) fn program(pages: UncachedPages) {
    #[cfg(wrong)]
    let UncachedPages { pages, .. } = pages; //~ E0509
    drop(pages);
}
