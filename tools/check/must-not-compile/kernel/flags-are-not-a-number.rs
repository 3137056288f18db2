// SPDX-License-Identifier: GPL-2.0

//! Allocation flags are put together of those that there are.

use kernel::{
    alloc::NumaNode,
    mm::contig::ContigPages,
    prelude::*, //
};

pub(crate) fn program(node: NumaNode) -> Result<ContigPages> {
    #[cfg(not(wrong))]
    let flags = GFP_KERNEL;
    #[cfg(wrong)]
    let flags = u32::MAX;
    ContigPages::alloc(1, flags, node) //~ E0308
}
