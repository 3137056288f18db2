// SPDX-License-Identifier: GPL-2.0

//! Through an owner one sees where its pages are, and cannot make it the owner of others.

use kernel::mm::contig::ContigPages;

pub(crate) fn program(mut pages: ContigPages, others: ContigPages) -> ContigPages {
    #[cfg(wrong)]
    {
        *pages = *others; //~ E0594
    }
    pages = others;
    pages
}
