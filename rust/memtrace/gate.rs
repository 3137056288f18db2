// SPDX-License-Identifier: GPL-2.0

//! What keeps regions while processes have them mapped: a gate that each mapping passes, and that
//! is closed while regions come and go.

use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    }, //
};

/// Lets mappings of processes in, of all regions, or none.
///
/// All regions are given back or none: therefore they share one gate, which closes in one step.
pub(crate) struct Gate(Atomic<isize>);

impl Gate {
    const CLOSED: isize = -1;

    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Lets no new mapping in until what this returns is dropped. Fails with [`EBUSY`], and closes
    /// nothing, if there is a mapping.
    pub(crate) fn close(&self) -> Result<Closed<'_>> {
        self.0
            .cmpxchg(0, Self::CLOSED, Acquire)
            .map(|_| Closed(self))
            .map_err(|_| EBUSY)
    }

    /// Counts one more mapping, if the gate is open.
    ///
    /// This orders nothing: a region that can be mapped was offered when the gate was open again.
    fn enter(&self) -> bool {
        let mut count = self.0.load(Relaxed);

        while count != Self::CLOSED {
            match self.0.cmpxchg(count, count + 1, Relaxed) {
                Ok(_) => return true,
                Err(now) => count = now,
            }
        }
        false
    }

    fn leave(&self) {
        self.0.fetch_sub(1, Release);
    }
}

/// The gate is closed.
pub(crate) struct Closed<'a>(&'a Gate);

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0 .0.store(0, Release);
    }
}

/// The mappings of one region.
pub(crate) struct Mappings {
    gate: Arc<Gate>,
    count: Atomic<usize>,
}

impl Mappings {
    /// None yet, and those to come pass through `gate`.
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self {
            gate,
            count: Atomic::new(0),
        }
    }

    /// Returns how many there are. One that was forked or split counts once.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
}

/// One mapping that is counted.
pub(crate) struct Mapping(Arc<Mappings>);

impl Mapping {
    /// Lets one more mapping of a region in, if the gate is open.
    pub(crate) fn new(mappings: &Arc<Mappings>) -> Option<Self> {
        if !mappings.gate.enter() {
            return None;
        }
        mappings.count.fetch_add(1, Relaxed);
        Some(Self(mappings.clone()))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
        self.0.gate.leave();
    }
}
