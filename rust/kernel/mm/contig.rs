// SPDX-License-Identifier: GPL-2.0

//! Physically contiguous pages of any size.
//!
//! The page allocator's orders end far below the size of the buffers that some hardware writes to.
//! [`ContigPages`] gets such a buffer at run time, by migrating away what is in the way.
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
    task::cond_resched,
    types::NotThreadSafe, //
};
use core::ops::{
    Deref,
    Range, //
};

/// A range of page frames.
///
/// It says where memory is, and owns nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PfnRange {
    start_pfn: usize,
    nr_pages: usize,
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
}

/// Physically contiguous pages, owned.
///
/// Dropping them gives the pages back to the page allocator.
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
/// // A power of two, and therefore aligned to its own size.
/// assert_eq!(pages.start_pfn() % 16, 0);
/// assert_eq!(pages.size(), 16 * kernel::page::PAGE_SIZE);
/// assert!(pages.node() == node);
///
/// // Some node must be named.
/// assert!(ContigPages::alloc(1, GFP_KERNEL, NumaNode::NO_NODE).is_err_and(|e| e == ENOMEM));
///
/// // The pages go back to the page allocator here.
/// drop(pages);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// `self` owns one reference to each page of `range`, and the pages are not compound.
#[derive(Debug)]
pub struct ContigPages {
    range: PfnRange,
}

impl ContigPages {
    /// Allocates `nr_pages` contiguous pages, on `node` if `flags` has `__GFP_THISNODE`, else on
    /// `node` or one near it.
    ///
    /// If `nr_pages` is a power of two, then the pages are aligned to their own size. For any other
    /// number nothing is promised of the alignment. The contents are undefined unless `flags` has
    /// `__GFP_ZERO`.
    ///
    /// Stands on `alloc_contig_pages()` in `mm/page_alloc.c`, which looks for pages that are free
    /// or can be migrated, and gives up when the current task gets a fatal signal.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if no range of that size could be freed, or if `node` is not online,
    /// [`NumaNode::NO_NODE`] included; [`EINTR`] if the current task got a fatal signal meanwhile;
    /// and [`EINVAL`] if `nr_pages` is zero.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn alloc(nr_pages: usize, flags: Flags, node: NumaNode) -> Result<Self> {
        // The C side would answer with the first page of the zone, which is not ours.
        if nr_pages == 0 {
            return Err(EINVAL);
        }
        if !numa::online_nodes().contains(node) {
            return Err(ENOMEM);
        }

        // SAFETY: `alloc_contig_pages()` looks up `NODE_DATA(node)`, which a node that is or was
        // online has for ever (`try_offline_node()` in `mm/memory_hotplug.c` keeps it). It checks
        // `flags` and every candidate range by itself, and a null node mask allows every node. That
        // a candidate stays online until it is isolated is its own affair, as for all its callers.
        let page = unsafe {
            bindings::alloc_contig_pages_noprof(
                nr_pages,
                flags.as_raw(),
                node.id(),
                core::ptr::null_mut(),
            )
        };
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
        // which are not compound, and passes them to its caller.
        Ok(Self {
            range: PfnRange {
                start_pfn,
                nr_pages,
            },
        })
    }

    /// Allocates `nr_pages` contiguous pages on `node`, the first of which has a pfn that is a
    /// multiple of `align`, which must be a power of two.
    ///
    /// Unlike with [`ContigPages::alloc`] a number that is not a power of two has a place that is
    /// known to be aligned. `flags` say, as there, how and in which zones to look for it.
    ///
    /// Stands on `alloc_contig_range()` in `mm/page_alloc.c`, which migrates away what is in the
    /// way, or gives up.
    ///
    /// # Errors
    ///
    /// As [`ContigPages::alloc`], and [`EINVAL`] if `align` is not a power of two.
    ///
    /// # Context
    ///
    /// May sleep. Waits for memory that is just going offline, whatever signals there are, and
    /// memory and CPUs that are to go offline wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::{
    ///     mm::contig::ContigPages,
    ///     numa, //
    /// };
    ///
    /// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
    /// let flags = GFP_KERNEL | __GFP_NOWARN;
    /// let pages = ContigPages::alloc_aligned(3 * 16, 16, flags, node)?;
    ///
    /// assert_eq!(pages.start_pfn() % 16, 0);
    /// assert_eq!(pages.nr_pages(), 3 * 16);
    /// assert!(ContigPages::alloc_aligned(3, 3, flags, node).is_err_and(|e| e == EINVAL));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn alloc_aligned(
        nr_pages: usize,
        align: usize,
        flags: Flags,
        node: NumaNode,
    ) -> Result<Self> {
        if nr_pages == 0 || !align.is_power_of_two() {
            return Err(EINVAL);
        }
        // The page descriptors and the span below are those of a node that has memory.
        if !numa::memory_nodes().contains(node) {
            return Err(ENOMEM);
        }

        // SAFETY: A node with memory has its data.
        let (start, end) = unsafe {
            (
                bindings::node_start_pfn(node.id()),
                bindings::node_end_pfn(node.id()),
            )
        };
        let last = end.checked_sub(nr_pages).ok_or(ENOMEM)?;

        for start_pfn in (start.next_multiple_of(align)..=last).step_by(align) {
            let range = PfnRange {
                start_pfn,
                nr_pages,
            };
            if alloc_range(&range, flags, node).is_ok() {
                // INVARIANT: `alloc_contig_range()` takes one reference to each page, and makes no
                // compound page.
                return Ok(Self { range });
            }

            cond_resched();
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
        }
        Err(ENOMEM)
    }

    /// Returns whether the pages are in `ZONE_MOVABLE`.
    pub fn in_zone_movable(&self) -> bool {
        // SAFETY: As in [`ContigPages::node`].
        let zone = unsafe { bindings::page_zonenum(bindings::pfn_to_page(self.start_pfn)) };

        zone == bindings::zone_type_ZONE_MOVABLE
    }

    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        // SAFETY: The type invariant gives a valid page descriptor for each pfn of the range.
        let nid = unsafe { bindings::page_to_nid(bindings::pfn_to_page(self.start_pfn)) };

        NumaNode::new(nid).unwrap_or(NumaNode::NO_NODE)
    }
}

/// Makes pages migratable that CPUs keep on lists of their own.
///
/// A page that was just brought into use is on such a list for a while, and in the way of
/// [`ContigPages::alloc`] until then.
///
/// Stands on `lru_add_drain_all()` in `mm/folio.c`.
///
/// # Context
///
/// May sleep: waits for a work item on each CPU that has such pages.
///
/// # Examples
///
/// ```
/// kernel::mm::contig::drain_lru_lists();
/// ```
pub fn drain_lru_lists() {
    // SAFETY: No requirements.
    unsafe { bindings::lru_add_drain_all() };
}

/// While this exists no memory goes offline, and no page descriptor goes away.
///
/// The rules are those of a semaphore that is held for reading.
struct OnlineMems(NotThreadSafe);

impl OnlineMems {
    fn get() -> Self {
        // SAFETY: No requirements but to sleep, which all of this module may.
        unsafe { bindings::get_online_mems() };
        Self(NotThreadSafe)
    }

    /// Returns the node and the zone that a page belongs to, if it is one that the kernel uses.
    fn zone_of(&self, pfn: usize) -> Option<(c_int, bindings::zone_type)> {
        // SAFETY: No requirements: this checks whether there is such a page.
        let page = unsafe { bindings::pfn_to_online_page(pfn) };
        if page.is_null() {
            return None;
        }

        // SAFETY: `page` is the descriptor of a page that was online, and `self` keeps it so:
        // `memory_block_offline()` in `drivers/base/memory.c`, and `try_remove_memory()` in
        // `mm/memory_hotplug.c`, hold the semaphore for writing.
        Some(unsafe { (bindings::page_to_nid(page), bindings::page_zonenum(page)) })
    }

    /// Returns whether all pages are online, on `node`, and in one zone of those that `flags`
    /// allow.
    fn have(&self, range: &PfnRange, flags: Flags, node: NumaNode) -> bool {
        // SAFETY: No requirements.
        let highest_zone = unsafe { bindings::gfp_zone(flags.as_raw()) };
        let Some((nid, zone)) = self.zone_of(range.start_pfn) else {
            return false;
        };
        if nid != node.id() || zone > highest_zone {
            return false;
        }

        // Two zones may share a pageblock, but then one has its begin and the other its end: of each
        // the first and the last page tell (`__pageblock_pfn_to_page()` in `mm/page_alloc.c`).
        //
        // SAFETY: No requirements.
        let block_pages = unsafe { bindings::pageblock_nr_pages() };
        let Range { start, end } = range.pfns();
        let mut block = start - start % block_pages;
        while block < end {
            let next = block + block_pages;
            for pfn in [block.max(start), next.min(end) - 1] {
                if self.zone_of(pfn) != Some((nid, zone)) {
                    return false;
                }
            }
            block = next;
        }
        true
    }
}

impl Drop for OnlineMems {
    fn drop(&mut self) {
        // SAFETY: Pairs with the call in `get()`, by the same task.
        unsafe { bindings::put_online_mems() };
    }
}

/// Takes all pages of `range`, or none, if they are on `node` and in one zone of those that
/// `flags` allow.
fn alloc_range(range: &PfnRange, flags: Flags, node: NumaNode) -> Result {
    let mems = OnlineMems::get();
    if !mems.have(range, flags, node) {
        return Err(ENOMEM);
    }

    // SAFETY: The pages are online and in one zone, which `mems` keeps so. Allocating may wait with
    // it held: `offline_pages()` isolates and migrates in the same way while the semaphore is held
    // for writing, so that nothing in there takes it.
    to_result(unsafe {
        bindings::alloc_contig_range_noprof(range.pfns().start, range.pfns().end, 0, flags.as_raw())
    })
}

impl Deref for ContigPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.range
    }
}

impl Drop for ContigPages {
    fn drop(&mut self) {
        // SAFETY: The type invariant gives the reference to each page that `free_contig_range()` in
        // `mm/page_alloc.c` drops, and that none is part of a compound page.
        unsafe { bindings::free_contig_range(self.start_pfn, self.nr_pages) };
    }
}
