// SPDX-License-Identifier: GPL-2.0

//! Prevents a region from being freed while processes have it mapped: each mapping has to enter the
//! region's count, which is closed before the region is freed.

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

/// Counts the mappings of one region by processes, or is closed.
pub(crate) struct MapCount(Atomic<isize>);

impl MapCount {
    const CLOSED: isize = -1;

    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Returns the number of mappings. A mapping that was forked or split counts once.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Relaxed).try_into().unwrap_or(0)
    }

    /// Counts one more mapping, if this is not closed.
    ///
    /// No ordering is needed: when this is opened again, nothing has changed.
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

/// A guard that prevents new mappings of a region, which has none.
pub(crate) struct ClosedMapCount(Arc<MapCount>);

impl ClosedMapCount {
    /// Fails with [`EBUSY`] if there is a mapping.
    pub(crate) fn new(mappings: &Arc<MapCount>) -> Result<Self> {
        mappings
            .0
            .cmpxchg(0, MapCount::CLOSED, Acquire)
            .map(|_| Self(mappings.clone()))
            .map_err(|_| EBUSY)
    }
}

impl Drop for ClosedMapCount {
    fn drop(&mut self) {
        self.0 .0.store(0, Relaxed);
    }
}

/// A mapping that is counted.
pub(crate) struct Mapping(Arc<MapCount>);

impl Mapping {
    /// Counts one more mapping of a region, if its count is not closed.
    pub(crate) fn new(mappings: &Arc<MapCount>) -> Option<Self> {
        mappings.enter().then(|| Self(mappings.clone()))
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.0.leave();
    }
}
