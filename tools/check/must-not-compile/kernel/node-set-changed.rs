// SPDX-License-Identifier: GPL-2.0

//! The bits of a set of nodes are its own.

use kernel::numa::NodeSet;

pub(crate) fn program(mut nodes: NodeSet, others: NodeSet) -> NodeSet {
    nodes = others;
    #[cfg(wrong)]
    {
        nodes.0.bits[0] = 1; //~ E0616
    }
    nodes
}
