// SPDX-License-Identifier: GPL-2.0

//! Pages go back to the page allocator through the linear mapping.

use kernel::powerpc::unmapped::UnmappedPages;

pub(crate) fn program(pages: UnmappedPages) {
    #[cfg(wrong)]
    let UnmappedPages { pages } = pages; //~ E0509
    drop(pages);
}
