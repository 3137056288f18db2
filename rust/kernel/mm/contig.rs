// SPDX-License-Identifier: GPL-2.0

//! Physically contiguous memory of any size.
//!
//! Some hardware writes to buffers that are far larger than the largest order of the page
//! allocator. [`ContigPages`] allocates such a buffer at run time, by migrating pages that are in
//! the way.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use crate::{
    alloc::{
        Flags,
        NumaNode, //
    },
    bindings,
    error::to_result,
    io::PhysAddr,
    numa,
    page::PAGE_SHIFT,
    prelude::*,
    types::NotThreadSafe, //
};
use core::ops::{
    Deref,
    Range, //
};

/// A range of page frames.
///
/// It only describes where memory is, and does not own it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PfnRange {
    pub(super) start_pfn: usize,
    pub(super) nr_pages: usize,
}

impl PfnRange {
    /// Returns the first pfn.
    pub fn start_pfn(&self) -> usize {
        self.start_pfn
    }

    /// Returns the number of pages.
    pub fn nr_pages(&self) -> usize {
        self.nr_pages
    }

    /// Returns the pfns.
    pub fn pfns(&self) -> Range<usize> {
        self.start_pfn..self.start_pfn + self.nr_pages
    }

    /// Returns the physical address of the first byte.
    pub fn start(&self) -> PhysAddr {
        (self.start_pfn as PhysAddr) << PAGE_SHIFT
    }

    /// Returns the size in bytes.
    pub fn size(&self) -> usize {
        self.nr_pages << PAGE_SHIFT
    }

    /// Returns the zone that all pages are in, if all are online and in the same one.
    ///
    /// # Context
    ///
    /// May sleep. Waits uninterruptibly while memory is going offline.
    pub fn zone(&self) -> Option<Zone> {
        MemHotplugGuard::new().zone_of_all(self)
    }

    /// Returns the zone that the first page is in, if it is online.
    ///
    /// # Context
    ///
    /// As for [`PfnRange::zone`].
    pub fn first_zone(&self) -> Option<Zone> {
        MemHotplugGuard::new().zone_of(self.start_pfn)
    }

    /// Returns all ranges of `nr_pages` pages between the first and the last page of `node` that
    /// start at a multiple of `align`. There are none if `node` has no memory, or if `align` is not
    /// a power of two.
    ///
    /// The ranges may contain pages that do not exist, or are on other nodes.
    pub fn all_on(node: NumaNode, nr_pages: usize, align: usize) -> impl Iterator<Item = Self> {
        let mut pfns = 0..0;

        // Only a node that has memory has the span that is used below.
        if numa::memory_nodes().contains(node) && nr_pages != 0 && align.is_power_of_two() {
            // SAFETY: A node with memory has its `pglist_data`.
            let (start, end) = unsafe {
                (
                    bindings::node_start_pfn(node.id()),
                    bindings::node_end_pfn(node.id()),
                )
            };
            pfns = start.next_multiple_of(align)..(end + 1).saturating_sub(nr_pages);
        }
        pfns.step_by(align.max(1)).map(move |start_pfn| Self {
            start_pfn,
            nr_pages,
        })
    }
}

/// An owned range of physically contiguous pages.
///
/// Dropping this returns the pages to the page allocator.
///
/// # Examples
///
/// ```
/// use kernel::{
///     alloc::NumaNode,
///     mm::contig::ContigPages,
///     numa, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let pages = ContigPages::alloc(16, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, node)?;
///
/// // Powers of two are naturally aligned.
/// assert_eq!(pages.start_pfn() % 16, 0);
/// assert_eq!(pages.size(), 16 * kernel::page::PAGE_SIZE);
/// assert!(pages.node() == node);
///
/// // A node must be given.
/// assert!(ContigPages::alloc(1, GFP_KERNEL, NumaNode::NO_NODE).is_err_and(|e| e == ENOMEM));
///
/// // This returns the pages to the page allocator.
/// drop(pages);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `self` owns one reference to each page of `range`. The pages were allocated by
/// `alloc_contig_pages()` or `alloc_contig_range()`, so they are in one zone, have no other user
/// and no page type, and none is part of a compound page.
#[derive(Debug)]
pub struct ContigPages {
    range: PfnRange,
}

impl ContigPages {
    /// Allocates `nr_pages` contiguous pages, on `node` if `flags` contain `__GFP_THISNODE`,
    /// otherwise on `node` or a nearby node.
    ///
    /// If `nr_pages` is a power of two, the range is naturally aligned. For any other number, the
    /// alignment is unspecified. The contents are undefined unless `flags` contain `__GFP_ZERO`.
    ///
    /// This wraps `alloc_contig_pages()` in `mm/page_alloc.c`, which looks for pages that are free
    /// or can be migrated. It migrates none once the current task has received a fatal signal.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if no range of that size could be freed, or if `node` is not online (including
    /// [`NumaNode::NO_NODE`]); [`EINTR`] if the current task has received a fatal signal; and
    /// [`EINVAL`] if `nr_pages` is zero.
    ///
    /// # Context
    ///
    /// May sleep. Waits uninterruptibly while memory is going online or offline. During all of the
    /// search, memory cannot do that.
    pub fn alloc(nr_pages: usize, flags: Flags, node: NumaNode) -> Result<Self> {
        // The C side would return the first page of the zone, which would not be owned.
        if nr_pages == 0 {
            return Err(EINVAL);
        }
        if !numa::online_nodes().contains(node) {
            return Err(ENOMEM);
        }

        // As for `alloc_range()`.
        let guard = MemHotplugGuard::new();

        // SAFETY: `alloc_contig_pages()` looks up `NODE_DATA(node)`, which is never freed once a
        // node has been online (`try_offline_node()` in `mm/memory_hotplug.c` keeps it). It checks
        // `flags` and every candidate range itself, and a null node mask allows every node.
        // `guard` keeps a candidate online until its pages are isolated.
        let page = unsafe {
            bindings::alloc_contig_pages_noprof(
                nr_pages,
                flags.as_raw(),
                node.id(),
                core::ptr::null_mut(),
            )
        };
        drop(guard);
        if page.is_null() {
            return Err(if current!().fatal_signal_pending() {
                EINTR
            } else {
                ENOMEM
            });
        }

        // SAFETY: `page` is the page descriptor of the first page.
        let start_pfn = unsafe { bindings::page_to_pfn(page) };

        // INVARIANT: `alloc_contig_pages()` takes one reference to each of the `nr_pages` pages,
        // which are not compound pages, and passes them to its caller.
        Ok(Self {
            range: PfnRange {
                start_pfn,
                nr_pages,
            },
        })
    }

    /// Allocates the pages of `range`, which must be on `node`, and in a single zone that is
    /// allowed by `flags`.
    ///
    /// Unlike [`ContigPages::alloc`], this lets the caller choose the place, and with it the
    /// alignment. `flags` specify how to allocate, too.
    ///
    /// This wraps `alloc_contig_range()` in `mm/page_alloc.c`, which migrates pages that are in the
    /// way.
    ///
    /// # Errors
    ///
    /// - [`EINVAL`] if `range` is not on `node`, or not in such a zone;
    /// - [`EBUSY`] if some pages are in use, and could not be migrated at this time;
    /// - [`ENOMEM`] if there is no memory to migrate pages to;
    /// - [`EINTR`] if the current task has received a fatal signal.
    ///
    /// # Context
    ///
    /// May sleep. Waits uninterruptibly while memory is going offline. Meanwhile, memory cannot go
    /// offline.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::contig::{
    ///         ContigPages,
    ///         PfnRange, //
    ///     },
    ///     numa, //
    /// };
    ///
    /// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
    /// let flags = GFP_KERNEL | __GFP_NOWARN;
    /// let pages = PfnRange::all_on(node, 3 * 16, 16)
    ///     .find_map(|range| ContigPages::alloc_range(range, flags, node).ok())
    ///     .ok_or(ENOMEM)?;
    ///
    /// assert_eq!(pages.start_pfn() % 16, 0);
    /// assert_eq!(pages.nr_pages(), 3 * 16);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn alloc_range(range: PfnRange, flags: Flags, node: NumaNode) -> Result<Self> {
        let guard = MemHotplugGuard::new();
        if !guard
            .zone_of_all(&range)
            .is_some_and(|zone| zone.is_allowed(flags, node))
        {
            return Err(EINVAL);
        }

        // SAFETY: The pages are online and in one zone, and `guard` keeps them so. Sleeping here
        // with the semaphore held is fine: `offline_pages()` isolates and migrates pages in the
        // same way while holding it for writing, so nothing in these functions takes it.
        let result = to_result(unsafe {
            bindings::alloc_contig_range_noprof(
                range.pfns().start,
                range.pfns().end,
                0,
                flags.as_raw(),
            )
        });
        drop(guard);

        match result {
            // INVARIANT: `alloc_contig_range()` takes one reference to each page, and does not make
            // them compound pages.
            Ok(()) => Ok(Self { range }),
            Err(_) if current!().fatal_signal_pending() => Err(EINTR),
            Err(e) => Err(e),
        }
    }

    /// Returns whether the pages are in `ZONE_MOVABLE`.
    pub fn in_zone_movable(&self) -> bool {
        // SAFETY: As in [`ContigPages::node`].
        let zone = unsafe { bindings::page_zonenum(bindings::pfn_to_page(self.start_pfn)) };

        zone == bindings::zone_type_ZONE_MOVABLE
    }

    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        // SAFETY: By the type invariant, each pfn of the range has a valid page descriptor.
        let nid = unsafe { bindings::page_to_nid(bindings::pfn_to_page(self.start_pfn)) };

        NumaNode::new(nid).unwrap_or(NumaNode::NO_NODE)
    }
}

/// Drains the per-CPU LRU lists, so that the pages on them can be migrated.
///
/// A page that has just been added to the LRU stays on such a list for a while. During this time,
/// it is in the way of [`ContigPages::alloc`].
///
/// This wraps `lru_add_drain_all()` in `mm/folio.c`.
///
/// # Context
///
/// May sleep: waits for a work item on each CPU that has such pages.
///
/// # Examples
///
/// ```
/// kernel::mm::contig::lru_add_drain_all();
/// ```
pub fn lru_add_drain_all() {
    // SAFETY: No requirements.
    unsafe { bindings::lru_add_drain_all() };
}

/// A zone of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    nid: c_int,
    zone: bindings::zone_type,
}

impl Zone {
    /// Returns whether this is a zone of `node`, and `flags` allow to allocate from it.
    pub fn is_allowed(&self, flags: Flags, node: NumaNode) -> bool {
        // SAFETY: No requirements.
        let highest = unsafe { bindings::gfp_zone(flags.as_raw()) };

        self.nid == node.id() && self.zone <= highest
    }
}

/// A guard during whose lifetime no memory goes offline, and no page descriptor is freed.
///
/// The locking rules are those of a semaphore that is held for reading.
pub(super) struct MemHotplugGuard(NotThreadSafe);

impl MemHotplugGuard {
    pub(super) fn new() -> Self {
        // SAFETY: No requirements, except that it may sleep, as all functions of this module may.
        unsafe { bindings::get_online_mems() };
        Self(NotThreadSafe)
    }

    /// Returns the zone of a page, if it is online.
    pub(super) fn zone_of(&self, pfn: usize) -> Option<Zone> {
        // SAFETY: No requirements: this checks whether the page exists.
        let page = unsafe { bindings::pfn_to_online_page(pfn) };
        if page.is_null() {
            return None;
        }

        // SAFETY: `page` is the descriptor of a page that was online, and `self` keeps it online:
        // `memory_block_offline()` in `drivers/base/memory.c`, and `try_remove_memory()` in
        // `mm/memory_hotplug.c`, hold the semaphore for writing.
        Some(unsafe {
            Zone {
                nid: bindings::page_to_nid(page),
                zone: bindings::page_zonenum(page),
            }
        })
    }

    /// Returns the zone that all pages are in, if all are online and in the same one.
    fn zone_of_all(&self, range: &PfnRange) -> Option<Zone> {
        let zone = self.zone_of(range.start_pfn)?;

        // Two zones may share a pageblock, but then one has its start and the other its end. So
        // check the first and the last page (`__pageblock_pfn_to_page()` in `mm/page_alloc.c`).
        //
        // SAFETY: No requirements.
        let block_pages = unsafe { bindings::pageblock_nr_pages() };
        let Range { start, end } = range.pfns();
        let mut block = start - start % block_pages;
        while block < end {
            let next = block + block_pages;
            for pfn in [block.max(start), next.min(end) - 1] {
                if self.zone_of(pfn) != Some(zone) {
                    return None;
                }
            }
            block = next;
        }
        Some(zone)
    }
}

impl Drop for MemHotplugGuard {
    fn drop(&mut self) {
        // SAFETY: Pairs with the call in `new()`, by the same task.
        unsafe { bindings::put_online_mems() };
    }
}

impl Deref for ContigPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.range
    }
}

impl Drop for ContigPages {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `self` owns the reference to each page that
        // `free_contig_range()` in `mm/page_alloc.c` drops, and none is part of a compound page.
        unsafe { bindings::free_contig_range(self.start_pfn, self.nr_pages) };
    }
}

#[macros::kunit_tests(rust_mm_contig)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        page::PAGE_SIZE,
        sizes::SZ_32M,
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc, //
        },
        time::{
            delay::fsleep,
            Delta, //
        },
        workqueue, //
    };

    pub(crate) fn flags() -> Flags {
        GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN
    }

    /// Allocates pages on `node` that start at a multiple of `align`.
    pub(crate) fn alloc_somewhere(
        nr_pages: usize,
        align: usize,
        node: NumaNode,
    ) -> Result<ContigPages> {
        PfnRange::all_on(node, nr_pages, align)
            .find_map(|range| ContigPages::alloc_range(range, flags(), node).ok())
            .ok_or(ENOMEM)
    }

    pub(crate) fn some_node() -> Result<NumaNode> {
        numa::memory_nodes().iter().next().ok_or(ENODEV)
    }

    /// Calls `f` with the bytes of each page.
    fn for_each_page(pfns: Range<usize>, mut f: impl FnMut(&mut [u8])) {
        for pfn in pfns {
            // SAFETY: The pfns are those of pages that only a test uses, and the mapping is removed
            // by the task that created it.
            unsafe {
                let addr = bindings::kmap_local_page(bindings::pfn_to_page(pfn));
                f(core::slice::from_raw_parts_mut(addr.cast(), PAGE_SIZE));
                bindings::kunmap_local(addr);
            }
        }
    }

    /// Fills pages that only a test uses with `byte`.
    pub(crate) fn fill(pfns: Range<usize>, byte: u8) {
        for_each_page(pfns, |bytes| bytes.fill(byte));
    }

    pub(crate) fn are_filled_with(pfns: Range<usize>, byte: u8) -> bool {
        let mut same = true;

        for_each_page(pfns, |bytes| same &= bytes.iter().all(|&b| b == byte));
        same
    }

    /// Returns whether `call`, from another task, waits until `guard` is dropped.
    #[allow(dead_code)] // not every kernel has something to wait for
    pub(crate) fn waits_for<G>(guard: G, call: impl FnOnce() + Send + 'static) -> Result<bool> {
        let done = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
        let done_there = done.clone();

        workqueue::system_dfl_long().try_spawn(GFP_KERNEL, move || {
            call();
            done_there.store(1, Relaxed);
        })?;
        // Long enough for `call` to return if it does not wait.
        fsleep(Delta::from_millis(500));
        let waited = done.load(Relaxed) == 0;

        drop(guard);
        while done.load(Relaxed) == 0 {
            fsleep(Delta::from_millis(1));
        }
        Ok(waited)
    }

    #[test]
    fn range_is_told_in_pages_and_in_bytes() {
        let range = PfnRange {
            start_pfn: 6,
            nr_pages: 3,
        };

        assert_eq!(range.start_pfn(), 6);
        assert_eq!(range.nr_pages(), 3);
        assert_eq!(range.pfns(), 6..9);
        assert_eq!(range.start(), 6 * PAGE_SIZE as PhysAddr);
        assert_eq!(range.size(), 3 * PAGE_SIZE);
    }

    #[test]
    fn no_pages_and_bad_alignments_are_refused() -> Result {
        let node = some_node()?;

        assert!(ContigPages::alloc(0, flags(), node).is_err_and(|e| e == EINVAL));
        assert_eq!(PfnRange::all_on(node, 0, 1).count(), 0);
        for align in [0, 3, 6, usize::MAX] {
            assert_eq!(PfnRange::all_on(node, 1, align).count(), 0);
        }
        Ok(())
    }

    #[test]
    fn node_that_is_not_online_gives_nothing() {
        let online = numa::online_nodes();
        let offline = (0..bindings::MAX_NUMNODES as i32)
            .filter_map(|id| NumaNode::new(id).ok())
            .find(|node| !online.contains(*node));

        for node in [offline.unwrap_or(NumaNode::NO_NODE), NumaNode::NO_NODE] {
            assert!(ContigPages::alloc(1, flags(), node).is_err_and(|e| e == ENOMEM));
            assert_eq!(PfnRange::all_on(node, 1, 1).count(), 0);
        }
    }

    const MANY: usize = 1 << (usize::BITS - 10);

    #[test]
    fn more_than_there_is_is_not_given() -> Result {
        let node = some_node()?;
        // SAFETY: A node with memory has its `pglist_data`.
        let end = unsafe { bindings::node_end_pfn(node.id()) };

        assert!(ContigPages::alloc(MANY, flags(), node).is_err_and(|e| e == ENOMEM));
        for nr_pages in [end + 1, MANY, usize::MAX] {
            assert_eq!(PfnRange::all_on(node, nr_pages, 1).count(), 0);
        }
        Ok(())
    }

    #[test]
    fn powers_of_two_are_aligned_to_themselves() -> Result {
        for node in numa::memory_nodes().iter() {
            for nr_pages in [1, 2, 8, 64, 512] {
                let pages = ContigPages::alloc(nr_pages, flags(), node)?;

                assert_eq!(pages.nr_pages(), nr_pages);
                assert_eq!(pages.start_pfn() % nr_pages, 0);
                assert!(pages.node() == node);
                assert!(!pages.in_zone_movable());
            }
        }
        Ok(())
    }

    #[test]
    fn others_are_aligned_as_they_shall_be() -> Result {
        for node in numa::memory_nodes().iter() {
            for (nr_pages, align) in [(1, 1), (3, 1), (1, 64), (3, 16), (48, 32), (100, 1024)] {
                let pages = alloc_somewhere(nr_pages, align, node)?;

                assert_eq!(pages.nr_pages(), nr_pages);
                assert_eq!(pages.start_pfn() % align, 0);
                assert!(pages.node() == node);
                assert!(!pages.in_zone_movable());
            }
        }
        Ok(())
    }

    #[test]
    fn pages_are_zero_if_they_shall_be() -> Result {
        let node = some_node()?;
        let pages = ContigPages::alloc(16, flags(), node)?;
        fill(pages.pfns(), 0xa5);
        drop(pages);

        let pages = ContigPages::alloc(16, flags() | __GFP_ZERO, node)?;
        assert!(are_filled_with(pages.pfns(), 0));
        Ok(())
    }

    fn nr_free_pages() -> usize {
        let mut info = bindings::sysinfo::default();

        // SAFETY: `info` is valid for writing.
        unsafe { bindings::si_meminfo(&raw mut info) };
        info.freeram
    }

    #[test]
    fn pages_are_free_after_they_were_dropped() -> Result {
        const NR_PAGES: usize = SZ_32M / PAGE_SIZE;
        let node = some_node()?;
        let before = nr_free_pages();

        for _ in 0..8 {
            drop(ContigPages::alloc(NR_PAGES, flags(), node)?);
        }
        // Other tasks may allocate some memory in the meantime.
        assert!(nr_free_pages() + 4 * NR_PAGES > before);
        Ok(())
    }

    /// Computes the result of [`MemHotplugGuard::zone_of_all`] by checking each page.
    fn each_is(guard: &MemHotplugGuard, range: &PfnRange, flags: Flags, node: NumaNode) -> bool {
        let first = guard.zone_of(range.start_pfn);

        range.pfns().all(|pfn| {
            guard.zone_of(pfn) == first && first.is_some_and(|zone| zone.is_allowed(flags, node))
        })
    }

    #[test]
    fn ranges_at_the_borders_of_nodes_are_told_apart() {
        let guard = MemHotplugGuard::new();
        // SAFETY: No requirements.
        let block = unsafe { bindings::pageblock_nr_pages() };
        let mut nr_good = 0;
        let mut nr_wrong = 0;

        for node in numa::memory_nodes().iter() {
            // SAFETY: A node with memory has its `pglist_data`.
            let span = unsafe {
                [
                    bindings::node_start_pfn(node.id()),
                    bindings::node_end_pfn(node.id()),
                ]
            };
            for border in span {
                let from = border.saturating_sub(2 * block);
                for start_pfn in (from..border + 2 * block).step_by(block / 2) {
                    for nr_pages in [1, block / 2, block, block + 1, 2 * block] {
                        let range = PfnRange {
                            start_pfn,
                            nr_pages,
                        };
                        let good = each_is(&guard, &range, GFP_KERNEL, node);
                        nr_good += usize::from(good);
                        nr_wrong += usize::from(
                            guard
                                .zone_of_all(&range)
                                .is_some_and(|zone| zone.is_allowed(GFP_KERNEL, node))
                                != good,
                        );
                    }
                }
            }
        }
        // A failing assertion would not drop this.
        drop(guard);
        assert!(nr_good > 0);
        assert_eq!(nr_wrong, 0);
    }

    #[test]
    fn all_places_are_on_the_node_and_aligned() {
        for node in numa::memory_nodes().iter() {
            // SAFETY: A node with memory has its `pglist_data`.
            let (start, end) = unsafe {
                (
                    bindings::node_start_pfn(node.id()),
                    bindings::node_end_pfn(node.id()),
                )
            };
            for (nr_pages, align) in [(1024, 1024), (3000, 1024), (1, 4096)] {
                let first = start.next_multiple_of(align);
                let mut n = 0;

                for range in PfnRange::all_on(node, nr_pages, align) {
                    assert_eq!(range.start_pfn(), first + n * align);
                    assert!(range.pfns().end <= end);
                    n += 1;
                }
                // There is no room for another one.
                assert!(first + n * align + nr_pages > end);
            }
        }
        assert_eq!(PfnRange::all_on(NumaNode::NO_NODE, 1, 1).count(), 0);
    }

    #[test]
    fn a_range_is_allocated_where_it_shall_be() -> Result {
        let node = some_node()?;
        let range = *ContigPages::alloc(64, flags(), node)?;

        let pages = ContigPages::alloc_range(range, flags(), node)?;
        assert_eq!(*pages, range);
        // It is in use now.
        assert!(ContigPages::alloc_range(range, flags(), node).is_err_and(|e| e == EBUSY));
        assert!(
            ContigPages::alloc_range(range, flags(), NumaNode::NO_NODE).is_err_and(|e| e == EINVAL)
        );
        drop(pages);
        ContigPages::alloc_range(range, flags(), node)?;
        Ok(())
    }

    #[test]
    fn flags_allow_the_zones_that_they_should() {
        let highest_zone = |flags: Flags| {
            // SAFETY: No requirements.
            unsafe { bindings::gfp_zone(flags.as_raw()) }
        };

        assert!(highest_zone(flags()) < bindings::zone_type_ZONE_MOVABLE);
        assert!(highest_zone(flags() | __GFP_MOVABLE) < bindings::zone_type_ZONE_MOVABLE);
        assert_eq!(
            highest_zone(flags() | __GFP_HIGHMEM | __GFP_MOVABLE),
            bindings::zone_type_ZONE_MOVABLE
        );
    }

    #[test]
    #[cfg(CONFIG_MEMORY_HOTPLUG)]
    fn no_memory_goes_offline_while_it_is_looked_at() -> Result {
        let waited = waits_for(MemHotplugGuard::new(), || {
            // SAFETY: The second call pairs with the first one, by the same task.
            unsafe {
                bindings::mem_hotplug_begin();
                bindings::mem_hotplug_done();
            }
        })?;

        assert!(waited);
        Ok(())
    }
}
