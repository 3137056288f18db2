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
    alloc::NumaNode,
    debugfs::{
        File,
        Writer, //
    },
    fmt,
    mm::{
        contig::PfnRange,
        offline::OfflinePages, //
    },
    powerpc::{
        cache_inhibited::{
            CacheInhibitedPages,
            FlushingPages,
            IoremappedPages, //
        },
        unmapped::UnmappedPages,
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
        ClosedMapCount,
        MapCount, //
    },
    places::Wanted,
    trace::Trace,
    Dir, //
};

/// The trace memory of one node, which nobody else can access yet.
///
/// It is freed by [`Region::free`]. Dropping it frees the memory as well, but if that fails the
/// memory is lost. The same holds for the types below.
pub(crate) struct Region {
    node: NumaNode,
    pages: Arc<CacheInhibitedPages>,
    mappings: Arc<MapCount>,
    duration: Delta,
}

/// A region that processes can read and map.
pub(crate) struct ExposedRegion {
    // Must come first: `trace` is removed, and its readers are gone, before the pages are freed.
    files: Files,
    region: Region,
}

/// An exposed region that no process has mapped, or can map.
pub(crate) struct ClosedRegion {
    // Must come first: the region is gone before this could allow new mappings.
    exposed: ExposedRegion,
    _closed: ClosedMapCount,
}

/// The memory of a region that nobody can use: not yet, or no longer.
pub(crate) struct UnmappedRegion {
    node: NumaNode,
    pages: UnmappedPages,
    // Without `trace`.
    files: Option<Files>,
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
    pub(crate) stuck: Option<UnmappedRegion>,
}

/// The reason why a node provided nothing.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    /// There was no place where it could be allocated. What is in the way is found out when this is
    /// displayed.
    NoPlace(Wanted),
    /// There was not enough memory to start zeroing it.
    NotZeroed,
    /// It could not be removed from the linear mapping.
    NotUnmapped,
    /// There was not enough memory to map it and start flushing it, or for its files.
    NotExposed,
    /// The writer was killed.
    Interrupted,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NoPlace(wanted) => return fmt::Display::fmt(wanted, f),
            Reason::NotZeroed => "not enough memory to start zeroing it",
            Reason::NotUnmapped => "it could not be removed from the linear mapping",
            Reason::NotExposed => {
                "not enough memory to map it cache-inhibited and flush it, or for its files"
            }
            Reason::Interrupted => "interrupted by a signal",
        })
    }
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

    /// Frees memory that was removed from the linear mapping but cannot be used.
    fn after_unmapping(
        node: NumaNode,
        pages: Option<UnmappedPages>,
        error: Error,
        start_time: Instant<Monotonic>,
    ) -> Self {
        let unmapped = pages.map(|pages| UnmappedRegion {
            node,
            pages,
            files: None,
        });

        Self {
            stuck: unmapped.and_then(|unmapped| unmapped.free().err()),
            ..Self::new(node, Reason::NotExposed, error, start_time)
        }
    }

    pub(crate) fn log(&self) {
        pr_err!(
            "Failed to allocate trace memory on node {}\n",
            self.node.id()
        );
    }
}

impl Zeroing {
    /// Allocates memory, and starts to zero it on the CPUs of its node.
    pub(crate) fn new(wanted: Wanted) -> Result<Self, AllocFailure> {
        let start_time = Instant::now();
        let node = wanted.node;

        let pages = wanted
            .alloc()
            .map_err(|e| AllocFailure::new(node, Reason::NoPlace(wanted), e, start_time))?;
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
    pub(crate) fn flush(self) -> Result<Flushing, AllocFailure> {
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

        Flushing::new(node, start_time, pages)
            .map_err(|(pages, e)| AllocFailure::after_unmapping(node, pages, e, start_time))
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
    ) -> Result<Self, (Option<UnmappedPages>, Error)> {
        // Allocate the owner of the region first, so that the region is never without one.
        let (owner, mappings) = match UniqueArc::new_uninit(GFP_KERNEL)
            .and_then(|owner| Ok((owner, Arc::new(MapCount::new(), GFP_KERNEL)?)))
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
            .map_err(|(pages, e)| AllocFailure::after_unmapping(node, pages, e, start_time))?;
        Ok(Region {
            node,
            pages: Arc::from(owner.write(pages)),
            mappings,
            duration: start_time.elapsed(),
        })
    }
}

impl Region {
    pub(crate) fn node(&self) -> NumaNode {
        self.node
    }

    /// Returns the page frames of the region.
    pub(crate) fn range(&self) -> PfnRange {
        **self.pages
    }

    /// Returns how long it took to allocate the memory.
    pub(crate) fn duration(&self) -> Delta {
        self.duration
    }

    /// Exposes the region in `dir`.
    ///
    /// On error, the region is freed, as far as possible.
    pub(crate) fn expose(self, dir: &Dir) -> Result<ExposedRegion, AllocFailure> {
        let start_time = Instant::now();
        let node = self.node;

        match Files::new(&self, dir) {
            Ok(files) => Ok(ExposedRegion {
                files,
                region: self,
            }),
            Err(e) => Err(AllocFailure {
                stuck: self.free().err(),
                ..AllocFailure::new(node, Reason::NotExposed, e, start_time)
            }),
        }
    }

    /// Returns the memory to the kernel.
    ///
    /// On error, the memory is returned, so that the caller can try again.
    pub(crate) fn free(self) -> Result<(), UnmappedRegion> {
        let node = self.node;

        CacheInhibitedPages::iounmap(self.pages)
            .map(|pages| UnmappedRegion {
                node,
                pages,
                files: None,
            })
            // If there were still another user, the last one would free the pages.
            .map_or(Ok(()), UnmappedRegion::free)
    }
}

impl ExposedRegion {
    /// Returns the page frames of the region.
    pub(crate) fn range(&self) -> PfnRange {
        self.region.range()
    }

    /// Returns how many mappings processes have.
    pub(crate) fn nr_mappings(&self) -> usize {
        self.region.mappings.count()
    }

    /// Prevents new mappings. Returns the region if it is mapped.
    pub(crate) fn close(self) -> Result<ClosedRegion, Self> {
        match ClosedMapCount::new(&self.region.mappings) {
            Ok(closed) => Ok(ClosedRegion {
                exposed: self,
                _closed: closed,
            }),
            Err(_) => Err(self),
        }
    }
}

impl ClosedRegion {
    /// Returns the page frames of the region.
    pub(crate) fn range(&self) -> PfnRange {
        self.exposed.range()
    }

    /// Allows mappings again.
    pub(crate) fn reopen(self) -> ExposedRegion {
        self.exposed
    }

    /// Returns the memory to the kernel, and removes the directory. If `trace` is still open, it
    /// returns EIO from then on.
    ///
    /// On error, the memory is returned, without `trace`, so that the caller can try again.
    pub(crate) fn free(self) -> Result<(), UnmappedRegion> {
        let ExposedRegion { mut files, region } = self.exposed;

        // Waits for readers.
        files.trace = None;
        region.free().map_err(|unmapped| UnmappedRegion {
            files: Some(files),
            ..unmapped
        })
    }
}

impl UnmappedRegion {
    /// Returns the page frames of the memory.
    pub(crate) fn range(&self) -> PfnRange {
        *self.pages
    }

    /// Returns the memory to the kernel, and removes the directory, if there is one.
    ///
    /// If the linear mapping cannot be restored, the memory is returned, so that the caller can try
    /// again.
    pub(crate) fn free(self) -> Result<(), Self> {
        let Self { node, pages, files } = self;

        match pages.map() {
            Ok(pages) => {
                drop(pages);
                pr_info!("Freed trace memory back on node {}\n", node.id());
                Ok(())
            }
            Err((pages, _)) => {
                pr_err!("Failed to free trace memory on node {}\n", node.id());
                Err(Self { node, pages, files })
            }
        }
    }
}

impl Files {
    fn new(region: &Region, dir: &Dir) -> Result<Self> {
        let Region {
            node,
            pages,
            mappings,
            ..
        } = region;
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
