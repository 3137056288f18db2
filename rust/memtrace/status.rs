// SPDX-License-Identifier: GPL-2.0

//! The `status` file: for each node what is held, or why the last request got nothing there.

use kernel::{
    alloc::NumaNode,
    debugfs::TextFile,
    fmt,
    mm::contig::PfnRange,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::trace::Mappings;

/// What `enable` and `status` tell about. Readers never wait for memory to be taken or given back.
#[pin_data]
pub(crate) struct Status {
    #[pin]
    rows: Mutex<KVec<Row>>,
}

struct Row {
    node: NumaNode,
    state: State,
}

/// How it stands with a node.
pub(crate) enum State {
    /// The node has a region that can be used.
    Held(PfnRange, Arc<Mappings>),
    /// The node has a region that could not be given back.
    Stuck(PfnRange),
    /// The node gave nothing to the last request.
    Short(&'static str),
}

impl Status {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rows <- new_mutex!(KVec::new()),
        })
    }

    /// Makes sure that [`Status::set`] has room for `nr_nodes` more.
    pub(crate) fn reserve(&self, nr_nodes: usize) -> Result {
        Ok(self.rows.lock().reserve(nr_nodes, GFP_KERNEL)?)
    }

    /// Says how it stands with `node` from now on.
    pub(crate) fn set(&self, node: NumaNode, state: State) {
        let mut rows = self.rows.lock();

        match rows.iter_mut().find(|row| row.node == node) {
            Some(row) => row.state = state,
            // Without room, which there is after `reserve()`, this node would just be missing.
            None => drop(rows.push_within_capacity(Row { node, state })),
        }
    }

    /// Forgets all nodes that hold nothing.
    pub(crate) fn forget_short(&self) {
        self.rows
            .lock()
            .retain(|row| !matches!(row.state, State::Short(_)));
    }

    /// Forgets `node`.
    pub(crate) fn forget(&self, node: NumaNode) {
        self.rows.lock().retain(|row| row.node != node);
    }

    /// Returns the size in bytes of the regions, which is the same for all, or 0 without any.
    pub(crate) fn size(&self) -> usize {
        self.rows
            .lock()
            .iter()
            .find_map(|row| match &row.state {
                State::Held(range, _) | State::Stuck(range) => Some(range.size()),
                State::Short(_) => None,
            })
            .unwrap_or(0)
    }
}

const STUCK: &str = "the linear mapping could not be restored, the next write tries again";

/// The `status` file's data.
pub(crate) struct StatusFile(pub(crate) Arc<Status>);

#[vtable]
impl TextFile for StatusFile {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<5} {:<6} {:<18} {:<18} {:<9} why",
            "node", "state", "start", "size", "mappings"
        )?;
        for Row { node, state } in self.0.rows.lock().iter() {
            let node = node.id();
            match state {
                State::Held(range, mappings) => writeln!(
                    f,
                    "{node:<5} {:<6} {:#018x} {:#018x} {:<9} -",
                    "held",
                    range.start(),
                    range.size(),
                    mappings.count(),
                ),
                State::Stuck(range) => writeln!(
                    f,
                    "{node:<5} {:<6} {:#018x} {:#018x} {:<9} {STUCK}",
                    "stuck",
                    range.start(),
                    range.size(),
                    0,
                ),
                State::Short(why) => writeln!(
                    f,
                    "{node:<5} {:<6} {:<18} {:<18} {:<9} {why}",
                    "short", "-", "-", "-"
                ),
            }?;
        }
        Ok(())
    }
}
