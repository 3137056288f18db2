// SPDX-License-Identifier: GPL-2.0

//! The `status` file: what each node holds, or why it provided nothing.

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
    nodes::Selection,
    region::{
        ClosedRegion,
        ExposedRegion,
        Reason,
        UnmappedRegion, //
    }, //
};

/// What each node holds, or why it provided nothing.
///
/// Only a request changes the memory that is held, and there is one at a time. Readers do not wait
/// for it.
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
    Held(ExposedRegion),
    /// The node has memory that nobody can use.
    Unused(Unused),
    /// A request is freeing the memory of the node.
    Freeing(PfnRange),
    /// The node provided nothing to the last request.
    Short(Reason),
}

/// Memory that nobody can use, so that it can be freed.
pub(crate) enum Unused {
    /// A request is about to free it.
    Closed(ClosedRegion),
    /// It could not be freed.
    Stuck(UnmappedRegion),
}

impl Unused {
    /// Returns what could not be freed.
    pub(crate) fn free(self) -> Result<(), UnmappedRegion> {
        match self {
            Unused::Closed(region) => region.free(),
            Unused::Stuck(region) => region.free(),
        }
    }
}

impl State {
    /// Returns the memory that the node holds.
    fn range(&self) -> Option<PfnRange> {
        match self {
            State::Held(region) => Some(region.range()),
            State::Unused(Unused::Closed(region)) => Some(region.range()),
            State::Unused(Unused::Stuck(region)) => Some(region.range()),
            State::Freeing(range) => Some(*range),
            State::Short(_) => None,
        }
    }
}

/// What `status` reports about a node.
struct Report {
    node: NumaNode,
    duration: Delta,
    state: &'static str,
    memory: Result<(PfnRange, usize), Reason>,
    why: &'static str,
}

impl Row {
    /// Changes the state of a node that holds memory.
    fn change(&mut self, f: impl FnOnce(State) -> State) {
        if let Some(range) = self.state.range() {
            self.state = f(core::mem::replace(&mut self.state, State::Freeing(range)));
        }
    }

    /// Returns whether a process has the region mapped.
    fn is_mapped(&self) -> bool {
        matches!(&self.state, State::Held(region) if region.nr_mappings() > 0)
    }

    fn log_mapped(&self) {
        let node = self.node.id();

        pr_err!("Trace memory on node {node} is mapped by a process, nothing changed\n");
    }

    fn report(&self) -> Report {
        let (state, memory, why) = match &self.state {
            State::Held(region) => ("held", Ok((region.range(), region.nr_mappings())), "-"),
            State::Unused(Unused::Closed(region)) => ("busy", Ok((region.range(), 0)), BUSY_REASON),
            State::Freeing(range) => ("busy", Ok((*range, 0)), BUSY_REASON),
            State::Unused(Unused::Stuck(region)) => {
                ("stuck", Ok((region.range(), 0)), STUCK_REASON)
            }
            State::Short(reason) => ("short", Err(*reason), ""),
        };

        Report {
            node: self.node,
            duration: self.duration,
            state,
            memory,
            why,
        }
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

    /// Removes the row of `node`.
    pub(crate) fn forget(&self, node: NumaNode) {
        kexec::record(node, None);
        self.rows.lock().retain(|row| row.node != node);
    }

    /// Removes the rows of all selected nodes that provided nothing.
    pub(crate) fn forget_short(&self, selection: &Selection) {
        self.rows
            .lock()
            .retain(|row| !(selection.contains(row.node) && matches!(row.state, State::Short(_))));
    }

    /// Returns the size in bytes of the memory that the first selected node with memory holds, or 0
    /// if none holds any.
    pub(crate) fn size(&self, selection: &Selection) -> usize {
        self.rows
            .lock()
            .iter()
            .filter(|row| selection.contains(row.node))
            .find_map(|row| row.state.range())
            .map_or(0, |range| range.size())
    }

    /// Prevents new mappings of the regions of all selected nodes, until they are freed.
    ///
    /// Fails with [`EBUSY`], and changes nothing, if one of them is mapped. If it is mapped just
    /// now, others may refuse to be mapped for a moment.
    pub(crate) fn close(&self, selection: &Selection) -> Result {
        let mut rows = self.rows.lock();
        let mut result = Ok(());

        for row in rows.iter_mut().filter(|row| selection.contains(row.node)) {
            if row.is_mapped() {
                row.log_mapped();
                result = Err(EBUSY);
            }
        }
        result?;

        for row in rows.iter_mut().filter(|row| selection.contains(row.node)) {
            row.change(|state| match state {
                State::Held(region) => region
                    .close()
                    .map_or_else(State::Held, |region| State::Unused(Unused::Closed(region))),
                state => state,
            });
            // It was mapped just now, and may have been unmapped again since.
            if matches!(row.state, State::Held(_)) {
                row.log_mapped();
                result = Err(EBUSY);
            }
        }
        if result.is_err() {
            for row in rows.iter_mut() {
                row.change(|state| match state {
                    State::Unused(Unused::Closed(region)) => State::Held(region.reopen()),
                    state => state,
                });
            }
        }
        result
    }

    /// Takes the memory out of the row of the last selected node before `end` that holds some that
    /// nobody can use.
    pub(crate) fn take_last(
        &self,
        selection: &Selection,
        end: i32,
    ) -> Option<(NumaNode, PfnRange, Unused)> {
        self.rows
            .lock()
            .iter_mut()
            .rev()
            .filter(|row| selection.contains(row.node) && row.node.id() < end)
            .find_map(|row| {
                let range = row.state.range()?;

                match core::mem::replace(&mut row.state, State::Freeing(range)) {
                    State::Unused(memory) => Some((row.node, range, memory)),
                    state => {
                        row.state = state;
                        None
                    }
                }
            })
    }

    /// Returns what to report about the first node after `node`.
    fn next_report(&self, node: i32) -> Option<Report> {
        self.rows
            .lock()
            .iter()
            .find(|row| row.node.id() > node)
            .map(Row::report)
    }
}

const BUSY_REASON: &str = "it is being freed";
const STUCK_REASON: &str =
    "the linear mapping could not be restored, the next write for this node tries again";

/// The `status` file's data.
pub(crate) struct StatusFile(pub(crate) Arc<Status>);

impl Writer for StatusFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<5} {:<6} {:<18} {:<18} {:<9} {:<8} why",
            "node", "state", "start", "size", "mappings", "ms"
        )?;
        let mut node = -1;
        while let Some(report) = self.0.next_report(node) {
            let Report { state, why, .. } = report;
            let ms = report.duration.as_millis_ceil();

            node = report.node.id();
            match report.memory {
                Ok((range, nr_mappings)) => writeln!(
                    f,
                    "{node:<5} {state:<6} {:#018x} {:#018x} {nr_mappings:<9} {ms:<8} {why}",
                    range.start(),
                    range.size(),
                ),
                // Not under the lock: it may take long to find out the reason.
                Err(reason) => f.write_fmt(fmt!(
                    "{node:<5} {state:<6} {:<18} {:<18} {:<9} {ms:<8} {reason}\n",
                    "-",
                    "-",
                    "-"
                )),
            }?;
        }
        Ok(())
    }
}
