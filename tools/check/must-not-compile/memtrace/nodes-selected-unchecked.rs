// SPDX-License-Identifier: GPL-2.0

//! The nodes that are selected were online when they were.

use crate::nodes::{
    Nodes,
    Selection, //
};
use kernel::{
    numa::NodeSet,
    prelude::*, //
};

pub(crate) fn program(nodes: &Nodes, new: NodeSet) -> Result<Selection> {
    #[cfg(wrong)]
    return Ok(Selection(new)); //~ E0423
    #[cfg(not(wrong))]
    nodes.select(new)?;
    Ok(nodes.selection())
}
