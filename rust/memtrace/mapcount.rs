// SPDX-License-Identifier: GPL-2.0

//! Prevents regions from being freed while processes have them mapped: each mapping has to pass a
//! gate, which is closed while regions are allocated and freed.

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

/// Counts the mappings of all regions by processes, or is closed.
///
/// Either all regions are freed or none. Therefore they share one gate, which closes atomically.
pub(crate) struct MapGate(Atomic<isize>);

impl MapGate {
    const CLOSED: isize = -1;

    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Prevents new mappings until the returned guard is dropped. Fails with [`EBUSY`], and leaves
    /// the gate open, if there is a mapping.
    pub(crate) fn close(&self) -> Result<ClosedGate<'_>> {
        self.0
            .cmpxchg(0, Self::CLOSED, Acquire)
            .map(|_| ClosedGate(self))
            .map_err(|_| EBUSY)
    }

    /// Counts one more mapping, if the gate is open.
    ///
    /// No ordering is needed: a region is exposed only after the gate was opened again.
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

/// A guard that keeps the gate closed.
pub(crate) struct ClosedGate<'a>(&'a MapGate);

impl Drop for ClosedGate<'_> {
    fn drop(&mut self) {
        self.0 .0.store(0, Release);
    }
}

/// The number of mappings of one region by processes.
pub(crate) struct MapCount {
    gate: Arc<MapGate>,
    count: Atomic<usize>,
}

impl MapCount {
    /// Starts without mappings. New ones have to pass `gate`.
    pub(crate) fn new(gate: Arc<MapGate>) -> Self {
        Self {
            gate,
            count: Atomic::new(0),
        }
    }

    /// Returns the number of mappings. A mapping that was forked or split counts once.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Relaxed)
    }
}

/// A mapping that is counted.
pub(crate) struct Mapping(Arc<MapCount>);

impl Mapping {
    /// Counts one more mapping of a region, if the gate is open.
    pub(crate) fn new(mappings: &Arc<MapCount>) -> Option<Self> {
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
