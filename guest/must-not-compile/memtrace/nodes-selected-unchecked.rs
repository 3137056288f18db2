// SPDX-License-Identifier: GPL-2.0

//! The nodes that are selected were online when they were.

use crate::nodes::Nodes;
use kernel::{
    numa::NodeSet,
    prelude::*, //
};

pub(crate) fn program(nodes: &Nodes, new: NodeSet) -> Result {
    #[cfg(wrong)]
    {
        *nodes.selected.lock() = new; //~ E0616 selected
    }
    nodes.select(new)
}
