// SPDX-License-Identifier: GPL-2.0

//! The `nodes` file: the nodes on which the next write to `enable` allocates memory.

use kernel::{
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

/// The nodes to allocate memory on.
#[pin_data]
pub(crate) struct Nodes {
    /// If empty, all nodes that have memory at the time of use.
    #[pin]
    selected: Mutex<NodeSet>,
}

impl Nodes {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            selected <- new_mutex!(NodeSet::empty()),
        })
    }

    /// Selects nodes, which must be online. An empty set selects all nodes that have memory at the
    /// time of use.
    pub(crate) fn select(&self, nodes: NodeSet) -> Result {
        let online = numa::online_nodes();

        if !nodes.is_subset(&online) {
            pr_err!("Nodes {nodes} are not all online, only {online}\n");
            return Err(EINVAL);
        }
        *self.selected.lock() = nodes;
        Ok(())
    }

    /// Returns the nodes to allocate memory on now.
    pub(crate) fn effective(&self) -> NodeSet {
        let selected = *self.selected.lock();

        if selected.is_empty() {
            return numa::memory_nodes();
        }
        selected
    }
}

/// The `nodes` file's data.
pub(crate) struct NodesFile(pub(crate) Arc<Nodes>);

impl Writer for NodesFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_fmt(fmt!("{}\n", self.0.effective()))
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
