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
    },
    time::Delta, //
};

use crate::gate::Mappings;

/// What `enable` and `status` tell about. Readers never wait for memory to be taken or given back.
#[pin_data]
pub(crate) struct Status {
    #[pin]
    rows: Mutex<KVec<Row>>,
}

struct Row {
    node: NumaNode,
    state: State,
    took: Delta,
}

/// How it stands with a node.
pub(crate) enum State {
    /// The node has a region that can be used.
    Held(PfnRange, Arc<Mappings>),
    /// The node has a region that could not be given back.
    Stuck(PfnRange),
    /// The node gave nothing to the last request.
    Short(Why),
}

/// Why a node gave nothing.
pub(crate) enum Why {
    /// There was no range of that size. The largest power of two that there was is `most`, in
    /// bytes.
    TooLarge { most: usize },
    /// There was no memory to have it zeroed.
    NotZeroed,
    /// It is still in the linear mapping.
    NotUnmapped,
    /// There was no memory to map it and have it flushed, or for its files.
    NotOffered,
    /// The writer was killed.
    Interrupted,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Why::TooLarge { most: 0 } => "no contiguous memory could be freed",
            Why::TooLarge { most } => {
                return write!(f, "the largest range that could be freed is {most:#x}");
            }
            Why::NotZeroed => "no memory to have it zeroed",
            Why::NotUnmapped => "it could not be removed from the linear mapping",
            Why::NotOffered => "no memory to map it cache-inhibited and flush it, or for its files",
            Why::Interrupted => "interrupted by a signal",
        })
    }
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

    /// Says how it stands with `node` from now on, and how long it took to get there.
    pub(crate) fn set(&self, node: NumaNode, state: State, took: Delta) {
        let mut rows = self.rows.lock();
        let new = Row { node, state, took };

        match rows.iter_mut().find(|row| row.node == node) {
            Some(row) => *row = new,
            // In the order of nodes. Without room, which there is after `reserve()`, this one would
            // just be missing.
            None => {
                let before = |row: &&Row| row.node.id() < node.id();
                let place = rows.iter().take_while(before).count();
                drop(rows.insert_within_capacity(place, new));
            }
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
            "{:<5} {:<6} {:<18} {:<18} {:<9} {:<8} why",
            "node", "state", "start", "size", "mappings", "ms"
        )?;
        for Row { node, state, took } in self.0.rows.lock().iter() {
            let node = node.id();
            let ms = took.as_millis_ceil();
            match state {
                State::Held(range, mappings) => writeln!(
                    f,
                    "{node:<5} {:<6} {:#018x} {:#018x} {:<9} {ms:<8} -",
                    "held",
                    range.start(),
                    range.size(),
                    mappings.count(),
                ),
                State::Stuck(range) => writeln!(
                    f,
                    "{node:<5} {:<6} {:#018x} {:#018x} {:<9} {ms:<8} {STUCK}",
                    "stuck",
                    range.start(),
                    range.size(),
                    0,
                ),
                State::Short(why) => f.write_fmt(fmt!(
                    "{node:<5} {:<6} {:<18} {:<18} {:<9} {ms:<8} {why}\n",
                    "short",
                    "-",
                    "-",
                    "-"
                )),
            }?;
        }
        Ok(())
    }
}
