// SPDX-License-Identifier: GPL-2.0

//! The `enable` file: how many bytes of trace memory each node gives.

use kernel::{
    alloc::NumaNode,
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
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    }, //
};

use crate::{
    region::Region,
    trace::Mappings, //
};

/// The regions that are held.
#[pin_data(PinnedDrop)]
pub(crate) struct Enable {
    dir: Dir,
    mappings: Arc<Mappings>,
    /// The size in bytes of each region, for readers, who do not wait for a writer.
    held: Atomic<u64>,
    #[pin]
    regions: Mutex<KVec<Region>>,
}

impl Enable {
    /// Nothing held, and regions to be offered in `dir`.
    pub(crate) fn new(dir: Dir) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            dir,
            mappings: Arc::new(Mappings::new(), GFP_KERNEL)?,
            held: Atomic::new(0),
            regions <- new_mutex!(KVec::new()),
        })
    }

    /// Takes `size` bytes from each node that can give them, instead of what is held.
    fn set(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        give_back(regions)?;
        if size == 0 {
            return Ok(());
        }

        for node in numa::memory_nodes() {
            if self.take(regions, node, size) == Err(EINTR) {
                give_back(regions)?;
                return Err(EINTR);
            }
        }

        if regions.is_empty() {
            return Err(ENOMEM);
        }
        Ok(())
    }

    fn take(&self, regions: &mut KVec<Region>, node: NumaNode, size: usize) -> Result {
        regions.reserve(1, GFP_KERNEL)?;
        let region = Region::allocate(node, size)?;

        match region.offer(&self.dir, &self.mappings) {
            Ok(region) => regions.push_within_capacity(region)?,
            Err((region, e)) => {
                if let Err(stuck) = region.give_back() {
                    regions.push_within_capacity(stuck)?;
                }
                return Err(e);
            }
        }
        Ok(())
    }
}

/// Gives back all regions, the last one first. Those that cannot go stay.
fn give_back(regions: &mut KVec<Region>) -> Result {
    for i in (0..regions.len()).rev() {
        if let Err(region) = regions.remove(i)?.give_back() {
            regions.insert_within_capacity(i, region)?;
        }
    }

    if !regions.is_empty() {
        return Err(EAGAIN);
    }
    Ok(())
}

#[vtable]
impl TextFile for Enable {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.held.load(Relaxed))
    }

    fn store(&self, text: &CStr) -> Result {
        let size = kstrtoull(text, 0)?;
        let block_size = memory_block_size() as u64;
        if size & (block_size - 1) != 0 {
            pr_err!("Value must be aligned with {block_size:#x}\n");
            return Err(EINVAL);
        }

        let mut regions = self.regions.lock();
        self.mappings.close().inspect_err(|_| {
            pr_err!("Trace memory is mapped by a process, nothing changed\n");
        })?;
        let result = self.set(&mut regions, size as usize);
        self.held
            .store(regions.first().map_or(0, Region::size), Relaxed);
        self.mappings.open();

        result
    }
}

#[pinned_drop]
impl PinnedDrop for Enable {
    fn drop(self: Pin<&mut Self>) {
        // What cannot go now is tried once more, and said to be lost, as the regions are dropped.
        let _ = give_back(&mut self.regions.lock());
    }
}
