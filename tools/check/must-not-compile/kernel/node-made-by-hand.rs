// SPDX-License-Identifier: GPL-2.0

//! A node has a number that there can be.

use kernel::{
    alloc::NumaNode,
    prelude::*, //
};

pub(crate) fn program(id: i32) -> Result<NumaNode> {
    #[cfg(wrong)]
    return Ok(NumaNode(id)); //~ E0423
    #[cfg(not(wrong))]
    NumaNode::new(id)
}
