// SPDX-License-Identifier: GPL-2.0

//! The trace memory of one node, and its directory `<node>/` in debugfs.
//!
//! ```text
//!  page allocator
//!       |  alloc()               ^ drop
//!  ContigPages
//!       |  zero()                ^
//!  ZeroingPages                  |  while workers zero them
//!       |  finish()              ^
//!  ZeroedPages                   |  zeroed
//!       |  set_offline()         ^
//!  OfflinePages<ZeroedPages>     |  skipped by page frame walkers
//!       |  unmap()               ^ map(), which can fail
//!  UnmappedPages                 |  not in the linear mapping
//!       |  ioremap()             ^ iounmap()
//!  IoremappedPages               |  mapped cache-inhibited
//!       |  flush()               |
//!  FlushingPages                 |  while workers flush them from data caches
//!       |  finish()              |
//!  CacheInhibitedPages           |  in no data cache, exposed in debugfs
//! ```

use kernel::{
    alloc::{
        Flags,
        NumaNode, //
    },
    debugfs::{
        File,
        Writer, //
    },
    fmt,
    mm::{
        contig::{
            lru_add_drain_all,
            ContigPages,
            PfnRange, //
        },
        offline::OfflinePages, //
    },
    page::PAGE_SHIFT,
    powerpc::{
        cache_inhibited::{
            CacheInhibitedPages,
            FlushingPages,
            IoremappedPages, //
        },
        unmapped::{
            memory_block_size,
            UnmappedPages, //
        },
        zeroed::{
            ZeroedPages,
            ZeroingPages, //
        }, //
    },
    prelude::*,
    str::CString,
    sync::{
        Arc,
        UniqueArc, //
    },
    time::{
        Delta,
        Instant,
        Monotonic, //
    }, //
};

use core::mem::MaybeUninit;

use crate::{
    mapcount::{
        MapCount,
        MapGate, //
    },
    status::{
        Reason,
        State, //
    },
    trace::Trace,
    Dir, //
};

/// The trace memory of one node.
///
/// It is freed by [`Region::free`]. Dropping it frees the memory as well, but if that fails the
/// memory is lost.
pub(crate) struct Region {
    node: NumaNode,
    // Must come first: `trace` is removed, and its readers are gone, before the pages are freed.
    files: Option<Files>,
    memory: Memory,
    duration: Delta,
}

enum Memory {
    /// Not in use yet, or no longer in use.
    Unmapped(UnmappedPages),
    /// In use.
    CacheInhibited(Arc<CacheInhibitedPages>, Arc<MapCount>),
}

/// The directory of a region.
struct Files {
    trace: Option<Pin<KBox<File<Trace>>>>,
    _start: Pin<KBox<File<Hex>>>,
    _size: Pin<KBox<File<Hex>>>,
    _dir: Dir,
}

/// A future region whose memory is being zeroed.
pub(crate) struct Zeroing {
    node: NumaNode,
    start_time: Instant<Monotonic>,
    pages: ZeroingPages,
}

/// A future region whose memory is being flushed from all data caches.
pub(crate) struct Flushing {
    node: NumaNode,
    start_time: Instant<Monotonic>,
    owner: UniqueArc<MaybeUninit<CacheInhibitedPages>>,
    mappings: Arc<MapCount>,
    pages: FlushingPages,
}

/// The failure of a node to provide a region.
pub(crate) struct AllocFailure {
    pub(crate) node: NumaNode,
    pub(crate) reason: Reason,
    pub(crate) error: Error,
    pub(crate) duration: Delta,
    /// The region, if it could not be freed either.
    pub(crate) stuck: Option<Region>,
}

impl AllocFailure {
    fn new(node: NumaNode, reason: Reason, error: Error, start_time: Instant<Monotonic>) -> Self {
        Self {
            node,
            reason: if error == EINTR {
                Reason::Interrupted
            } else {
                reason
            },
            error,
            duration: start_time.elapsed(),
            stuck: None,
        }
    }

    pub(crate) fn log(&self) {
        pr_err!(
            "Failed to allocate trace memory on node {}\n",
            self.node.id()
        );
    }
}

/// Allocates `size` bytes on `node` from the zones that `flags` allow.
fn alloc(node: NumaNode, size: usize, flags: Flags) -> Result<ContigPages> {
    let flags = flags | __GFP_THISNODE | __GFP_NOWARN;
    let nr_pages = size >> PAGE_SHIFT;

    // The HTM requires power-of-two sizes, with natural alignment. Memory that is removed from the
    // linear mapping must be aligned to memory blocks.
    if size.is_power_of_two() {
        ContigPages::alloc(nr_pages, flags, node)
    } else {
        ContigPages::alloc_aligned(nr_pages, memory_block_size() >> PAGE_SHIFT, flags, node)
    }
}

/// Returns the flags for all zones, including `ZONE_MOVABLE` only if `movable` is set.
fn any_zone(movable: bool) -> Flags {
    if movable {
        GFP_KERNEL | __GFP_HIGHMEM | __GFP_MOVABLE
    } else {
        GFP_KERNEL
    }
}

/// Allocates `size` bytes on `node`. On failure, drains the per-CPU LRU lists and tries again. If
/// that fails too and `movable` is set, tries `ZONE_MOVABLE`. This is the last resort, since it
/// interferes with memory hotplug.
fn alloc_retry(node: NumaNode, size: usize, movable: bool) -> Result<ContigPages> {
    match alloc(node, size, GFP_KERNEL) {
        Err(e) if e == ENOMEM => lru_add_drain_all(),
        result => return result,
    }
    match alloc(node, size, GFP_KERNEL) {
        Err(e) if e == ENOMEM && movable => alloc(node, size, any_zone(movable)),
        result => result,
    }
}

/// Returns the largest power of two less than `size` that `node` could provide, or 0. Fails if a
/// signal interrupts the search.
///
/// Call this after [`alloc_retry`] has failed, which leaves the per-CPU lists drained.
fn largest_available(node: NumaNode, size: usize, movable: bool) -> Result<usize> {
    let mut size = size.div_ceil(2).next_power_of_two();

    while size >= memory_block_size() {
        match alloc(node, size, any_zone(movable)) {
            Ok(_) => return Ok(size),
            Err(e) if e == ENOMEM => size /= 2,
            Err(e) => return Err(e),
        }
    }
    Ok(0)
}

impl Zeroing {
    /// Allocates `size` bytes on `node`, from `ZONE_MOVABLE` only if `movable` is set, and starts
    /// to zero them on the CPUs of that node.
    pub(crate) fn new(node: NumaNode, size: usize, movable: bool) -> Result<Self, AllocFailure> {
        let start_time = Instant::now();

        let pages = alloc_retry(node, size, movable).map_err(|e| {
            let largest = if e == ENOMEM {
                largest_available(node, size, movable)
            } else {
                Err(e)
            };
            let (largest, error) = largest.map_or_else(|e| (0, e), |largest| (largest, ENOMEM));
            AllocFailure::new(node, Reason::TooLarge { largest }, error, start_time)
        })?;
        let in_zone_movable = pages.in_zone_movable();
        let pages = pages
            .zero()
            .map_err(|e| AllocFailure::new(node, Reason::NotZeroed, e, start_time))?;
        if in_zone_movable {
            pr_notice!("Trace memory on node {} is in ZONE_MOVABLE\n", node.id());
        }
        Ok(Self {
            node,
            start_time,
            pages,
        })
    }

    /// Finishes zeroing, removes the memory from the linear mapping, maps it cache-inhibited, and
    /// starts to flush it from all data caches on the CPUs of its node.
    ///
    /// On error, everything is undone, as far as possible.
    pub(crate) fn flush(self, gate: &Arc<MapGate>) -> Result<Flushing, AllocFailure> {
        let Self {
            node,
            start_time,
            pages,
        } = self;

        let pages = pages
            .finish()
            .map(ZeroedPages::set_offline)
            .and_then(OfflinePages::unmap)
            .map_err(|e| AllocFailure::new(node, Reason::NotUnmapped, e, start_time))?;
        pr_info!(
            "Allocated trace memory on node {} at {:#018x}\n",
            node.id(),
            pages.start(),
        );

        Flushing::new(node, start_time, pages, gate)
            .map_err(|(pages, e)| Region::unmapped_failure(node, pages, e, start_time))
    }
}

impl Flushing {
    /// Maps the pages cache-inhibited, and starts to flush them.
    ///
    /// On error, returns the pages.
    fn new(
        node: NumaNode,
        start_time: Instant<Monotonic>,
        pages: UnmappedPages,
        gate: &Arc<MapGate>,
    ) -> Result<Self, (Option<UnmappedPages>, Error)> {
        // Allocate the owner of the region first, so that the region is never without one.
        let (owner, mappings) = match UniqueArc::new_uninit(GFP_KERNEL)
            .and_then(|owner| Ok((owner, Arc::new(MapCount::new(gate.clone()), GFP_KERNEL)?)))
        {
            Ok(owners) => owners,
            Err(e) => return Err((Some(pages), e.into())),
        };
        let pages = pages
            .ioremap()
            .map_err(|(pages, e)| {
                pr_err!("Failed to map trace memory at {:#x}\n", pages.start());
                (Some(pages), e)
            })
            .and_then(IoremappedPages::flush)?;

        Ok(Self {
            node,
            start_time,
            owner,
            mappings,
            pages,
        })
    }

    /// Finishes the region, which is not visible yet.
    ///
    /// On error, everything is undone, as far as possible.
    pub(crate) fn finish(self) -> Result<Region, AllocFailure> {
        let Self {
            node,
            start_time,
            owner,
            mappings,
            pages,
        } = self;

        let pages = pages
            .finish()
            .map_err(|(pages, e)| Region::unmapped_failure(node, pages, e, start_time))?;
        Ok(Region {
            node,
            files: None,
            memory: Memory::CacheInhibited(Arc::from(owner.write(pages)), mappings),
            duration: start_time.elapsed(),
        })
    }
}

impl Region {
    /// Frees memory that was removed from the linear mapping but cannot be used.
    fn unmapped_failure(
        node: NumaNode,
        pages: Option<UnmappedPages>,
        error: Error,
        start_time: Instant<Monotonic>,
    ) -> AllocFailure {
        let region = pages.map(|pages| Self {
            node,
            files: None,
            memory: Memory::Unmapped(pages),
            duration: Delta::ZERO,
        });

        match region {
            Some(region) => region.into_failure(error, start_time),
            None => AllocFailure::new(node, Reason::NotExposed, error, start_time),
        }
    }

    /// Exposes the region in `dir`, if it is not stuck.
    ///
    /// On error, the region is freed, as far as possible.
    pub(crate) fn expose(mut self, dir: &Dir) -> Result<Self, AllocFailure> {
        let start_time = Instant::now();

        if let Memory::CacheInhibited(pages, mappings) = &self.memory {
            match Files::new(self.node, pages, dir, mappings) {
                Ok(files) => self.files = Some(files),
                Err(e) => return Err(self.into_failure(e, start_time)),
            }
        }
        Ok(self)
    }

    /// Frees a region that could not be mapped or exposed.
    fn into_failure(self, error: Error, start_time: Instant<Monotonic>) -> AllocFailure {
        let node = self.node;

        AllocFailure {
            stuck: self.free().err(),
            ..AllocFailure::new(node, Reason::NotExposed, error, start_time)
        }
    }

    pub(crate) fn node(&self) -> NumaNode {
        self.node
    }

    /// Returns how long it took to allocate the memory.
    pub(crate) fn duration(&self) -> Delta {
        self.duration
    }

    /// Returns whether the region has been exposed, and can be used.
    pub(crate) fn is_exposed(&self) -> bool {
        self.files
            .as_ref()
            .is_some_and(|files| files.trace.is_some())
    }

    /// Returns the page frames of the region.
    pub(crate) fn range(&self) -> PfnRange {
        match &self.memory {
            Memory::Unmapped(pages) => **pages,
            Memory::CacheInhibited(pages, _) => ***pages,
        }
    }

    /// Returns the state of the region, for `status`.
    pub(crate) fn state(&self) -> State {
        match &self.memory {
            Memory::Unmapped(_) => State::Stuck(self.range()),
            Memory::CacheInhibited(_, mappings) => State::Held(self.range(), mappings.clone()),
        }
    }

    /// Returns the memory to the kernel, and removes the directory.
    ///
    /// The region must not be mapped by any process. If `trace` is still open, it returns EIO from
    /// then on. If the linear mapping cannot be restored, the region is returned, without `trace`,
    /// so that the caller can try again.
    pub(crate) fn free(mut self) -> Result<(), Self> {
        if let Some(files) = &mut self.files {
            // Waits for readers.
            files.trace = None;
        }
        let pages = match self.memory {
            Memory::Unmapped(pages) => Some(pages),
            // If there were still another user, the last one would free the pages.
            Memory::CacheInhibited(pages, _) => CacheInhibitedPages::iounmap(pages),
        };

        if let Some(Err((pages, _))) = pages.map(UnmappedPages::map) {
            pr_err!("Failed to free trace memory on node {}\n", self.node.id());
            return Err(Self {
                memory: Memory::Unmapped(pages),
                ..self
            });
        }
        pr_info!("Freed trace memory back on node {}\n", self.node.id());
        Ok(())
    }
}

impl Files {
    fn new(
        node: NumaNode,
        pages: &Arc<CacheInhibitedPages>,
        dir: &Dir,
        mappings: &Arc<MapCount>,
    ) -> Result<Self> {
        let dir = dir.subdir(&CString::try_from_fmt(fmt!("{:08x}", node.id()))?);
        let trace = Trace::new(pages.clone(), mappings.clone());

        Ok(Self {
            _start: KBox::pin_init(dir.read_only_file(c"start", Hex(pages.start())), GFP_KERNEL)?,
            _size: KBox::pin_init(
                dir.read_only_file(c"size", Hex(pages.size() as u64)),
                GFP_KERNEL,
            )?,
            // Must be last: once it exists, processes may map the region.
            trace: Some(KBox::pin_init(
                dir.read_map_binary_file(c"trace", trace),
                GFP_KERNEL,
            )?),
            _dir: dir,
        })
    }
}

/// A number in the format that pdbg parses.
pub(crate) struct Hex(pub(crate) u64);

impl Writer for Hex {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#018x}", self.0)
    }
}
