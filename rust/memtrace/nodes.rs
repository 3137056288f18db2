// SPDX-License-Identifier: GPL-2.0

//! The `nodes` file: the nodes that writes to `enable` concern.

use kernel::{
    alloc::NumaNode,
    debugfs::{
        Reader,
        Writer, //
    },
    fmt,
    new_mutex,
    numa::{
        self,
        NodeSet, //
    },
    prelude::*,
    str::BStr,
    sync::{
        Arc,
        Mutex, //
    },
    uaccess::UserSliceReader, //
};

use crate::read_text;

/// The nodes that a request concerns. The default is all.
#[derive(Clone, Copy)]
pub(crate) struct Selection(NodeSet);

impl Selection {
    /// Selects all nodes.
    pub(crate) const fn all() -> Self {
        Self(NodeSet::empty())
    }

    pub(crate) fn contains(&self, node: NumaNode) -> bool {
        self.0.is_empty() || self.0.contains(node)
    }

    /// Returns the nodes to allocate memory on now. If all are selected, these are those that have
    /// memory at this time.
    pub(crate) fn nodes(&self) -> NodeSet {
        if self.0.is_empty() {
            return numa::memory_nodes();
        }
        self.0
    }
}

/// The current selection.
#[pin_data]
pub(crate) struct Nodes {
    #[pin]
    selection: Mutex<Selection>,
}

impl Nodes {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            selection <- new_mutex!(Selection::all()),
        })
    }

    /// Selects nodes, which must be online. An empty set selects all.
    pub(crate) fn select(&self, nodes: NodeSet) -> Result {
        let online = numa::online_nodes();

        if !nodes.is_subset(&online) {
            pr_err!("Nodes {nodes} are not all online, only {online}\n");
            return Err(EINVAL);
        }
        *self.selection.lock() = Selection(nodes);
        Ok(())
    }

    pub(crate) fn selection(&self) -> Selection {
        *self.selection.lock()
    }
}

/// The `nodes` file's data.
pub(crate) struct NodesFile(pub(crate) Arc<Nodes>);

impl Writer for NodesFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("{}\n", self.0.selection().nodes()))
    }
}

impl Reader for NodesFile {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        let text = read_text(reader)?;
        // A number that is too large for a node (`ERANGE`) is just invalid here.
        let nodes = NodeSet::parse_list(BStr::from_bytes(&text)).map_err(|_| EINVAL)?;

        self.0.select(nodes)
    }
}
