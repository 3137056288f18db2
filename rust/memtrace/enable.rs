// SPDX-License-Identifier: GPL-2.0

//! The `enable` file: how many bytes of trace memory to allocate on each node.

use kernel::{
    debugfs::{
        Reader,
        Writer, //
    },
    fmt,
    new_mutex,
    page::PAGE_SHIFT,
    powerpc::unmapped::memory_block_size,
    prelude::*,
    str::{
        parse_size,
        BStr, //
    },
    sync::{
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    },
    uaccess::UserSliceReader, //
};

use crate::{
    events,
    mapcount::MapGate,
    nodes::Nodes,
    read_text,
    region::{
        AllocFailure,
        Region,
        Zeroing, //
    },
    status::{
        State,
        Status, //
    },
    Dir, //
};

/// Fails with [`EINVAL`] if `size` is not a multiple of the memory block size.
pub(crate) fn check(size: u64) -> Result {
    let block_size = memory_block_size() as u64;

    if size & (block_size - 1) != 0 {
        pr_err!("Value must be aligned with {block_size:#x}\n");
        return Err(EINVAL);
    }
    Ok(())
}

/// The regions that are allocated.
#[pin_data(PinnedDrop)]
pub(crate) struct Enable {
    dir: Dir,
    nodes: Arc<Nodes>,
    movable: bool,
    gate: Arc<MapGate>,
    status: Arc<Status>,
    #[pin]
    regions: Mutex<KVec<Region>>,
}

impl Enable {
    /// Creates an instance without regions. Regions will be allocated on `nodes`, from
    /// `ZONE_MOVABLE` only if `movable` is set, and exposed in `dir`. The returned initializer
    /// cannot fail.
    pub(crate) fn new(
        dir: Dir,
        nodes: Arc<Nodes>,
        movable: bool,
        status: Arc<Status>,
    ) -> Result<impl PinInit<Self>> {
        let gate = Arc::new(MapGate::new(), GFP_KERNEL)?;

        Ok(pin_init!(Self {
            dir,
            nodes,
            movable,
            gate,
            status,
            regions <- new_mutex!(KVec::new()),
        }))
    }

    /// Allocates the memory that was requested at load time. Loading the driver does not fail if
    /// this fails, and must not fail any more: processes may already have the driver's files open.
    pub(crate) fn alloc_at_load(&self, size: u64) {
        if size == 0 {
            return;
        }
        match self.request(size) {
            Err(e) if e == ENOMEM => {
                pr_warn!("No node could provide {size:#x} bytes, loaded without trace memory\n");
            }
            // This task was killed, or another one was faster and has mapped a region.
            Err(e) => pr_warn!("Failed to allocate {size:#x} bytes at load: {e:?}\n"),
            Ok(()) => (),
        }
    }

    /// Frees what is held, and allocates `size` bytes on each node that can provide them.
    fn request(&self, size: u64) -> Result {
        check(size)?;

        let mut regions = self.regions.lock();
        let closed = self.gate.close().inspect_err(|_| {
            pr_err!("Trace memory is mapped by a process, nothing changed\n");
        })?;
        self.replace(&mut regions, size as usize)?;

        // A region can be mapped as soon as it is visible.
        drop(closed);
        self.expose(&mut regions, size as usize)?;
        if size == 0 || regions.iter().any(Region::is_exposed) {
            Ok(())
        } else if regions.is_empty() {
            Err(ENOMEM)
        } else {
            Err(EAGAIN)
        }
    }

    /// Frees what is held, and allocates `size` bytes. The new regions are not visible yet.
    fn replace(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        self.status.forget_short();
        self.free_all(regions)?;
        if size == 0 {
            return Ok(());
        }

        if !size.is_power_of_two() {
            pr_notice!("The HTM requires a power of two, which {size:#x} is not\n");
        }
        let result = self.alloc_all(regions, size);
        if result == Err(EINTR) {
            self.free_all(regions)?;
        }
        result
    }

    /// Allocates `size` bytes on each node that can provide them.
    fn alloc_all(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        let nodes = self.nodes.effective();
        let nr_nodes = nodes.iter().count();
        let mut zeroing = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        let mut flushing = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        regions.reserve(nr_nodes, GFP_KERNEL)?;
        self.status.reserve(nr_nodes)?;

        // Start on all nodes first, so that their memory is zeroed, and flushed, at the same time.
        for node in nodes.iter() {
            let attempt = Zeroing::new(node, size, self.movable);
            let interrupted = attempt.as_ref().is_err_and(|e| e.error == EINTR);

            zeroing.push_within_capacity(attempt)?;
            if interrupted {
                break;
            }
        }
        for attempt in zeroing {
            let attempt = attempt
                .and_then(|zeroing| zeroing.flush(&self.gate))
                .inspect_err(AllocFailure::log);

            flushing.push_within_capacity(attempt)?;
        }
        // Even after a signal, continue until each attempt has been undone.
        let mut result = Ok(());
        for attempt in flushing {
            match attempt.and_then(|flushing| flushing.finish().inspect_err(AllocFailure::log)) {
                Ok(region) => {
                    events::alloc(region.node(), region.range(), region.duration());
                    regions.push_within_capacity(region)?;
                }
                Err(failure) => result = result.and(self.record_failure(regions, failure, size)),
            }
        }
        result
    }

    /// Exposes all regions in debugfs.
    fn expose(&self, regions: &mut KVec<Region>, size: usize) -> Result {
        let mut i = 0;

        while i < regions.len() {
            let region = regions.remove(i)?;
            let (node, range) = (region.node(), region.range());
            match region.expose(&self.dir) {
                Ok(region) => {
                    if region.is_exposed() {
                        self.status.set(node, region.state(), region.duration());
                    }
                    regions.insert_within_capacity(i, region)?;
                    i += 1;
                }
                Err(failure) => {
                    if failure.stuck.is_none() {
                        events::free(node, range, failure.duration);
                    }
                    failure.log();
                    self.record_failure(regions, failure, size)?;
                }
            }
        }
        Ok(())
    }

    /// Records a failure, and keeps the region if it is stuck. Only a signal ends the request; this
    /// is returned as an error.
    fn record_failure(
        &self,
        regions: &mut KVec<Region>,
        failure: AllocFailure,
        size: usize,
    ) -> Result {
        let AllocFailure {
            node,
            reason,
            error,
            duration,
            stuck,
        } = failure;

        let start_pfn = stuck
            .as_ref()
            .map_or(0, |region| region.range().start_pfn());
        events::fail(node, start_pfn, size >> PAGE_SHIFT, duration, error);
        let state = stuck.as_ref().map_or(State::Short(reason), Region::state);
        self.status.set(node, state, duration);
        if let Some(region) = stuck {
            regions.push_within_capacity(region)?;
        }

        if error == EINTR {
            return Err(EINTR);
        }
        Ok(())
    }

    /// Frees all regions, in reverse order, and keeps those that cannot be freed.
    fn free_all(&self, regions: &mut KVec<Region>) -> Result {
        for i in (0..regions.len()).rev() {
            let region = regions.remove(i)?;
            let (node, range) = (region.node(), region.range());
            let start_time = Instant::<Monotonic>::now();
            match region.free() {
                Ok(()) => {
                    events::free(node, range, start_time.elapsed());
                    self.status.forget(node);
                }
                Err(region) => {
                    let duration = start_time.elapsed();
                    events::fail(node, range.start_pfn(), range.nr_pages(), duration, EAGAIN);
                    self.status.set(node, region.state(), duration);
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

impl Writer for Enable {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.status.size())
    }
}

impl Reader for Enable {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        self.request(parse_size(BStr::from_bytes(&read_text(reader)?))?)
    }
}

#[pinned_drop]
impl PinnedDrop for Enable {
    fn drop(self: Pin<&mut Self>) {
        // Regions that cannot be freed now try again when they are dropped, or are logged as lost.
        let _ = self.free_all(&mut self.regions.lock());
    }
}
