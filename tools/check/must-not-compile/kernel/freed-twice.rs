// SPDX-License-Identifier: GPL-2.0

//! Pages are given back once.

use kernel::mm::contig::ContigPages;

pub(crate) fn program(pages: ContigPages) {
    drop(pages);
    #[cfg(wrong)]
    drop(pages); //~ E0382
}
