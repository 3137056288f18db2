// SPDX-License-Identifier: GPL-2.0

//! A set of nodes has as many bits as there can be nodes.

use kernel::{
    bindings::nodemask_t,
    numa::NodeSet, //
};

pub(crate) fn program(mask: nodemask_t) -> NodeSet {
    #[cfg(wrong)]
    return NodeSet(mask); //~ E0423
    #[cfg(not(wrong))]
    NodeSet::empty()
}
