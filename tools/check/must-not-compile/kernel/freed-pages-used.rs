// SPDX-License-Identifier: GPL-2.0

//! Pages belong to nobody after they were given back.

use kernel::mm::contig::ContigPages;

pub(crate) fn program(pages: ContigPages) -> usize {
    #[cfg(wrong)]
    drop(pages);
    pages.nr_pages() //~ E0382
}
