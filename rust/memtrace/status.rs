// SPDX-License-Identifier: GPL-2.0

//! The `status` file: what each node holds, or why it provided nothing to the last request.

use kernel::{
    alloc::NumaNode,
    debugfs::Writer,
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

use crate::{
    kexec,
    mapcount::MapCount, //
};

/// What `enable` and `status` report. Readers never wait for memory to be allocated or freed.
#[pin_data]
pub(crate) struct Status {
    #[pin]
    rows: Mutex<KVec<Row>>,
}

struct Row {
    node: NumaNode,
    state: State,
    duration: Delta,
}

/// The state of a node.
pub(crate) enum State {
    /// The node has a region that can be used.
    Held(PfnRange, Arc<MapCount>),
    /// The node has a region that could not be freed.
    Stuck(PfnRange),
    /// The node provided nothing to the last request.
    Short(Reason),
}

impl State {
    /// Returns the memory that the node holds.
    fn range(&self) -> Option<PfnRange> {
        match self {
            State::Held(range, _) | State::Stuck(range) => Some(*range),
            State::Short(_) => None,
        }
    }
}

/// The reason why a node provided nothing.
pub(crate) enum Reason {
    /// There was no range of that size. `largest` is the largest power of two that was available,
    /// in bytes.
    TooLarge { largest: usize },
    /// There was not enough memory to start zeroing it.
    NotZeroed,
    /// It could not be removed from the linear mapping.
    NotUnmapped,
    /// There was not enough memory to map it and start flushing it, or for its files.
    NotExposed,
    /// The writer was killed.
    Interrupted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::TooLarge { largest: 0 } => "no contiguous memory could be freed",
            Reason::TooLarge { largest } => {
                return write!(f, "the largest range that could be freed is {largest:#x}");
            }
            Reason::NotZeroed => "not enough memory to start zeroing it",
            Reason::NotUnmapped => "it could not be removed from the linear mapping",
            Reason::NotExposed => {
                "not enough memory to map it cache-inhibited and flush it, or for its files"
            }
            Reason::Interrupted => "interrupted by a signal",
        })
    }
}

impl Status {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rows <- new_mutex!(KVec::new()),
        })
    }

    /// Makes sure that [`Status::set`] has room for `nr_nodes` more rows.
    pub(crate) fn reserve(&self, nr_nodes: usize) -> Result {
        Ok(self.rows.lock().reserve(nr_nodes, GFP_KERNEL)?)
    }

    /// Sets the state of `node`, and how long it took to get there.
    pub(crate) fn set(&self, node: NumaNode, state: State, duration: Delta) {
        kexec::record(node, state.range());
        let mut rows = self.rows.lock();
        let new = Row {
            node,
            state,
            duration,
        };

        match rows.iter_mut().find(|row| row.node == node) {
            Some(row) => *row = new,
            // Rows are sorted by node. `reserve()` has made room for this one. Without room, it
            // would just be missing.
            None => {
                let before = |row: &&Row| row.node.id() < node.id();
                let place = rows.iter().take_while(before).count();
                drop(rows.insert_within_capacity(place, new));
            }
        }
    }

    /// Removes the rows of all nodes that provided nothing.
    pub(crate) fn forget_short(&self) {
        self.rows
            .lock()
            .retain(|row| !matches!(row.state, State::Short(_)));
    }

    /// Removes the row of `node`.
    pub(crate) fn forget(&self, node: NumaNode) {
        kexec::record(node, None);
        self.rows.lock().retain(|row| row.node != node);
    }

    /// Returns the size of the regions in bytes, which is the same for all, or 0 if there are none.
    pub(crate) fn size(&self) -> usize {
        self.rows
            .lock()
            .iter()
            .find_map(|row| row.state.range())
            .map_or(0, |range| range.size())
    }
}

const STUCK_REASON: &str = "the linear mapping could not be restored, the next write tries again";

/// The `status` file's data.
pub(crate) struct StatusFile(pub(crate) Arc<Status>);

impl Writer for StatusFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<5} {:<6} {:<18} {:<18} {:<9} {:<8} why",
            "node", "state", "start", "size", "mappings", "ms"
        )?;
        for Row {
            node,
            state,
            duration,
        } in self.0.rows.lock().iter()
        {
            let node = node.id();
            let ms = duration.as_millis_ceil();
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
                    "{node:<5} {:<6} {:#018x} {:#018x} {:<9} {ms:<8} {STUCK_REASON}",
                    "stuck",
                    range.start(),
                    range.size(),
                    0,
                ),
                State::Short(reason) => f.write_fmt(fmt!(
                    "{node:<5} {:<6} {:<18} {:<18} {:<9} {ms:<8} {reason}\n",
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
