// SPDX-License-Identifier: GPL-2.0

//! The `enable` file: how many bytes of trace memory to allocate on each node.

use kernel::{
    alloc::NumaNode,
    debugfs::{
        Reader,
        Writer, //
    },
    fmt,
    mm::contig::PfnRange,
    new_mutex,
    numa::NodeSet,
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
    nodes::{
        Nodes,
        Selection, //
    },
    places::Wanted,
    read_text,
    region::{
        AllocFailure,
        Region,
        UnmappedRegion,
        Zeroing, //
    },
    status::{
        State,
        Status,
        Unused, //
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

/// The `enable` file's data.
#[pin_data(PinnedDrop)]
pub(crate) struct Enable {
    dir: Dir,
    nodes: Arc<Nodes>,
    movable: bool,
    status: Arc<Status>,
    /// Held by the request that is being processed.
    #[pin]
    request: Mutex<()>,
}

impl Enable {
    /// Creates an instance for requests that concern `nodes`. Memory will be allocated from
    /// `ZONE_MOVABLE` only if `movable` is set, and exposed in `dir`. `status` will keep it. The
    /// returned initializer cannot fail.
    pub(crate) fn new(
        dir: Dir,
        nodes: Arc<Nodes>,
        movable: bool,
        status: Arc<Status>,
    ) -> impl PinInit<Self> {
        pin_init!(Self {
            dir,
            nodes,
            movable,
            status,
            request <- new_mutex!(()),
        })
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

    /// Frees what the selected nodes hold, and allocates `size` bytes on each of them that can
    /// provide them. Other nodes are not affected.
    fn request(&self, size: u64) -> Result {
        check(size)?;

        let _one_at_a_time = self.request.lock();
        let selection = self.nodes.selection();
        self.status.close(&selection)?;
        self.status.forget_short(&selection);
        self.free_all(&selection)?;
        if size == 0 {
            return Ok(());
        }

        if !size.is_power_of_two() {
            pr_notice!("The HTM requires a power of two, which {size:#x} is not\n");
        }
        let size = size as usize;
        let regions = self
            .alloc_all(&selection.nodes(), size)
            .or_else(|e| self.free_all(&selection).and(Err(e)))?;
        if self.expose_all(regions, size)? {
            Ok(())
        } else if self.status.size(&selection) == 0 {
            Err(ENOMEM)
        } else {
            Err(EAGAIN)
        }
    }

    /// Allocates `size` bytes on each of `nodes` that can provide them. The regions are not visible
    /// yet.
    ///
    /// Only a signal, or a lack of memory for the request itself, is an error.
    fn alloc_all(&self, nodes: &NodeSet, size: usize) -> Result<KVec<Region>> {
        let nr_nodes = nodes.iter().count();
        let mut zeroing = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        let mut flushing = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        let mut regions = KVec::with_capacity(nr_nodes, GFP_KERNEL)?;
        self.status.reserve(nr_nodes)?;

        // Start on all nodes first, so that their memory is zeroed, and flushed, at the same time.
        for node in nodes.iter() {
            let attempt = Zeroing::new(Wanted {
                node,
                size,
                movable: self.movable,
            });
            let interrupted = attempt.as_ref().is_err_and(|e| e.error == EINTR);

            zeroing.push_within_capacity(attempt)?;
            if interrupted {
                break;
            }
        }
        for attempt in zeroing {
            let attempt = attempt
                .and_then(Zeroing::flush)
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
                Err(failure) => result = result.and(self.record_failure(failure, size)),
            }
        }
        if result.is_err() {
            while let Some(region) = regions.pop() {
                let (node, range) = (region.node(), region.range());
                // What cannot be freed is tried again by the caller.
                let _ = self.free(node, range, || region.free());
            }
        }
        result.map(|()| regions)
    }

    /// Exposes all regions in debugfs. Returns whether there are any that could be exposed.
    fn expose_all(&self, regions: KVec<Region>, size: usize) -> Result<bool> {
        let mut any = false;

        for region in regions {
            let (node, range, duration) = (region.node(), region.range(), region.duration());
            match region.expose(&self.dir) {
                Ok(region) => {
                    self.status.set(node, State::Held(region), duration);
                    any = true;
                }
                Err(failure) => {
                    if failure.stuck.is_none() {
                        events::free(node, range, failure.duration);
                    }
                    failure.log();
                    self.record_failure(failure, size)?;
                }
            }
        }
        Ok(any)
    }

    /// Records a failure, and keeps the memory if it is stuck. Only a signal ends the request; this
    /// is returned as an error.
    fn record_failure(&self, failure: AllocFailure, size: usize) -> Result {
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
        let state = stuck.map_or(State::Short(reason), |region| {
            State::Unused(Unused::Stuck(region))
        });
        self.status.set(node, state, duration);

        if error == EINTR {
            return Err(EINTR);
        }
        Ok(())
    }

    /// Frees the memory of all selected nodes, in reverse order, and keeps what cannot be freed.
    ///
    /// Their regions must be closed.
    fn free_all(&self, selection: &Selection) -> Result {
        let mut result = Ok(());
        let mut end = i32::MAX;
        while let Some((node, range, memory)) = self.status.take_last(selection, end) {
            result = result.and(self.free(node, range, || memory.free()));
            end = node.id();
        }
        result
    }

    /// Frees the memory of a node, and keeps it if that fails.
    fn free(
        &self,
        node: NumaNode,
        range: PfnRange,
        free: impl FnOnce() -> Result<(), UnmappedRegion>,
    ) -> Result {
        let start_time = Instant::<Monotonic>::now();

        match free() {
            Ok(()) => {
                events::free(node, range, start_time.elapsed());
                self.status.forget(node);
                Ok(())
            }
            Err(stuck) => {
                let duration = start_time.elapsed();
                events::fail(node, range.start_pfn(), range.nr_pages(), duration, EAGAIN);
                let state = State::Unused(Unused::Stuck(stuck));
                self.status.set(node, state, duration);
                Err(EAGAIN)
            }
        }
    }
}

impl Writer for Enable {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.status.size(&self.nodes.selection()))
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
        let all = Selection::all();

        // Nobody can have a region mapped. Memory that cannot be freed now is tried again when it
        // is dropped, or is logged as lost.
        let _ = self.status.close(&all).and_then(|()| self.free_all(&all));
    }
}
