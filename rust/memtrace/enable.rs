// SPDX-License-Identifier: GPL-2.0

//! The `enable` file: how many bytes of trace memory each node gives.

use kernel::{
    debugfs::{
        Dir,
        TextFile, //
    },
    fmt,
    mm::unmapped::memory_block_size,
    new_mutex,
    numa,
    prelude::*,
    str::kstrtoull,
    sync::{
        Arc,
        Mutex, //
    }, //
};

use crate::{
    region::{
        Beginning,
        Region,
        Shortfall, //
    },
    status::{
        State,
        Status, //
    },
    trace::Gate, //
};

/// The regions that are held.
#[pin_data(PinnedDrop)]
pub(crate) struct Enable {
    dir: Dir,
    gate: Arc<Gate>,
    status: Arc<Status>,
    #[pin]
    regions: Mutex<KVec<Region>>,
}

impl Enable {
    /// Nothing held, and regions to be offered in `dir`.
    pub(crate) fn new(dir: Dir, status: Arc<Status>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            dir,
            gate: Arc::new(Gate::new(), GFP_KERNEL)?,
            status,
            regions <- new_mutex!(KVec::new()),
        })
    }

    /// Takes `size` bytes from each node that can give them, instead of what is held.
    fn set(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        self.status.forget_short();
        self.give_back(regions)?;
        if size == 0 {
            return Ok(());
        }

        if !size.is_power_of_two() {
            pr_notice!("The HTM wants a power of two, which {size:#x} is not\n");
        }
        let result = self.take(regions, size);
        if result == Err(EINTR) {
            self.give_back(regions)?;
        }
        result
    }

    /// Takes `size` bytes from each node that can give them.
    fn take(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        let nr_nodes = numa::memory_nodes().count();
        let mut beginnings = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        regions.reserve(nr_nodes, GFP_KERNEL)?;
        self.status.reserve(nr_nodes)?;

        // First all begin, so that the memory of all nodes is zeroed at the same time.
        for node in numa::memory_nodes().take(nr_nodes) {
            match Beginning::new(node, size) {
                Ok(beginning) => beginnings.push_within_capacity(beginning)?,
                Err(shortfall) => self.note(regions, shortfall)?,
            }
        }
        for beginning in beginnings {
            match beginning.finish(&self.dir, &self.gate) {
                Ok(region) => {
                    self.status.set(region.node(), region.state());
                    regions.push_within_capacity(region)?;
                }
                Err(shortfall) => self.note(regions, shortfall)?,
            }
        }

        if regions.is_empty() {
            return Err(ENOMEM);
        }
        Ok(())
    }

    /// Keeps a region that is stuck, and tells `status`. Only a signal is a reason not to go on.
    fn note(&self, regions: &mut KVec<Region>, shortfall: Shortfall) -> Result {
        let Shortfall {
            node,
            why,
            error,
            stuck,
        } = shortfall;

        let state = stuck.as_ref().map_or(State::Short(why), Region::state);
        self.status.set(node, state);
        if let Some(region) = stuck {
            regions.push_within_capacity(region)?;
        }

        if error == EINTR {
            return Err(EINTR);
        }
        Ok(())
    }

    /// Gives back all regions, the last one first. Those that cannot go stay.
    fn give_back(&self, regions: &mut KVec<Region>) -> Result {
        for i in (0..regions.len()).rev() {
            let region = regions.remove(i)?;
            let node = region.node();
            match region.give_back() {
                Ok(()) => self.status.forget(node),
                Err(region) => {
                    self.status.set(node, region.state());
                    regions.insert_within_capacity(i, region)?;
                }
            }
        }

        if !regions.is_empty() {
            return Err(EAGAIN);
        }
        Ok(())
    }
}

#[vtable]
impl TextFile for Enable {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.status.size())
    }

    fn store(&self, text: &CStr) -> Result {
        let size = kstrtoull(text, 0)?;
        let block_size = memory_block_size() as u64;
        if size & (block_size - 1) != 0 {
            pr_err!("Value must be aligned with {block_size:#x}\n");
            return Err(EINVAL);
        }

        let mut regions = self.regions.lock();
        self.gate.close().inspect_err(|_| {
            pr_err!("Trace memory is mapped by a process, nothing changed\n");
        })?;
        let result = self.set(&mut regions, size as usize);
        self.gate.open();

        result
    }
}

#[pinned_drop]
impl PinnedDrop for Enable {
    fn drop(self: Pin<&mut Self>) {
        // What cannot go now is tried once more, and said to be lost, as the regions are dropped.
        let _ = self.give_back(&mut self.regions.lock());
    }
}
