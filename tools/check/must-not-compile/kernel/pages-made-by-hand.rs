// SPDX-License-Identifier: GPL-2.0

//! Who knows where pages are does not own them.

use kernel::{
    alloc::NumaNode,
    mm::contig::{
        ContigPages,
        PfnRange, //
    },
    prelude::*, //
};

pub(crate) fn program(range: PfnRange, node: NumaNode) -> Result<ContigPages> {
    #[cfg(not(wrong))]
    let pages = ContigPages::alloc(range.nr_pages(), GFP_KERNEL, node)?;
    #[cfg(wrong)]
    let pages = ContigPages { range }; //~ E0451 range
    Ok(pages)
}
