// SPDX-License-Identifier: GPL-2.0

//! What the log says about trace memory when another kernel takes over.
//!
//! The HTM does not notice this, and the driver cannot stop it. A crash kernel leaves trace memory
//! alone, and tools find the trace by what is logged here. Any other kernel uses all memory.

use kernel::{
    alloc::NumaNode,
    mm::contig::PfnRange,
    numa::MAX_NODES,
    powerpc::crash,
    prelude::*,
    reboot::{
        self,
        Event, //
    },
    sync::atomic::{
        Acquire,
        Atomic,
        Relaxed,
        Release, //
    }, //
};

/// The memory that a node holds. Can be read at any time, even after a crash.
struct Held {
    /// Valid if `size` is not 0.
    start: Atomic<u64>,
    size: Atomic<u64>,
}

static HELD: [Held; MAX_NODES] = [const {
    Held {
        start: Atomic::new(0),
        size: Atomic::new(0),
    }
}; MAX_NODES];

/// Records the memory that `node` holds from now on. It must not hold other memory at this time.
pub(crate) fn record(node: NumaNode, range: Option<PfnRange>) {
    let Some(held) = HELD.get(node.id() as usize) else {
        return;
    };

    if let Some(range) = range {
        held.start.store(range.start(), Relaxed);
    }
    held.size
        .store(range.map_or(0, |range| range.size() as u64), Release);
}

/// Logs all memory that is held, in a format that `memtrace-save.sh` parses, and returns whether
/// there is any.
fn log_held() -> bool {
    let mut any = false;

    for (node, held) in HELD.iter().enumerate() {
        let size = held.size.load(Acquire);
        if size != 0 {
            let start = held.start.load(Relaxed);
            pr_warn!("Trace memory on node {node} is held at {start:#018x}, size {size:#018x}\n");
            any = true;
        }
    }
    any
}

pub(crate) struct AtCrash;

impl crash::Handler for AtCrash {
    fn crashed() {
        log_held();
    }
}

pub(crate) struct AtReboot;

impl reboot::Handler for AtReboot {
    fn notify(&self, event: Event) {
        if event == Event::Restart && log_held() {
            pr_warn!("If the HTM is still running, it will overwrite memory of the next kernel\n");
        }
    }
}
