// SPDX-License-Identifier: GPL-2.0

//! The node of an allocation is one that was checked.

use kernel::{
    alloc::NumaNode,
    mm::contig::ContigPages,
    prelude::*, //
};

pub(crate) fn program(id: i32) -> Result<ContigPages> {
    #[cfg(not(wrong))]
    let node = NumaNode::new(id)?;
    #[cfg(wrong)]
    let node = id;
    ContigPages::alloc(1, GFP_KERNEL, node) //~ E0308
}
