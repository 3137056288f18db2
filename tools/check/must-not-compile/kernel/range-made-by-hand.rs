// SPDX-License-Identifier: GPL-2.0

//! A range says where memory is, so nobody makes one up.

use kernel::mm::contig::{
    ContigPages,
    PfnRange, //
};

pub(crate) fn program(pages: &ContigPages) -> PfnRange {
    #[cfg(not(wrong))]
    let range = **pages;
    #[cfg(wrong)]
    let range = PfnRange {
        start_pfn: pages.start_pfn(), //~ E0451 start_pfn
        ..**pages
    };
    range
}
