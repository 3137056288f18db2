// SPDX-License-Identifier: GPL-2.0

//! What keeps pages from being allocated by
//! [`ContigPages`](crate::mm::contig::ContigPages).
//!
//! C header: [`include/linux/page-isolation.h`](srctree/include/linux/page-isolation.h)

use super::contig::{
    MemHotplugGuard,
    PfnRange,
    Zone, //
};
use crate::{
    alloc::{
        Flags,
        NumaNode, //
    },
    bindings,
    fmt, //
};
use core::ops::Range;

/// What keeps a page from being allocated by
/// [`ContigPages`](crate::mm::contig::ContigPages).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// There is no page, or its memory block is offline.
    NotOnline,
    /// A page in another zone than the first one, or the first one is not in a zone that can be
    /// used.
    OtherZone,
    /// A page that Linux does not manage: of the kernel image, of firmware, or allocated at boot.
    Reserved,
    /// A page of a slab cache.
    Slab,
    /// A page table.
    PageTable,
    /// A page that is marked offline, such as those of a balloon, or of `OfflinePages`.
    Offline,
    /// A page that has failed.
    Poisoned,
    /// Part of a huge page that cannot be migrated.
    HugePage,
    /// A page of a process or of a file that has more references than page tables and the page
    /// cache explain: it is pinned for DMA or in a pipe, or just being used.
    Pinned,
    /// A page of a process or of a file that is on no LRU list, usually just for a moment.
    Isolated,
    /// Another page of the kernel, or one that is reserved for the contiguous memory allocator
    /// (CMA).
    Kernel,
}

impl Obstacle {
    /// Returns what an obstacle is. The page must be online.
    fn of(pfn: usize, _guard: &MemHotplugGuard) -> Self {
        // SAFETY: `_guard` keeps the page online. The functions look at copies, or at one word.
        let (flags, is_reserved, is_isolated) = unsafe {
            let page = bindings::pfn_to_page(pfn);

            (
                #[cfg(CONFIG_PROC_PAGE_MONITOR)]
                bindings::stable_page_flags(page),
                #[cfg(not(CONFIG_PROC_PAGE_MONITOR))]
                0u64,
                bindings::page_is_reserved(page),
                bindings::page_is_isolated(page),
            )
        };
        let has = |bit: u32| flags & 1 << bit != 0;

        if is_reserved {
            Self::Reserved
        } else if has(bindings::KPF_HWPOISON) {
            Self::Poisoned
        } else if is_isolated {
            Self::Isolated
        } else if has(bindings::KPF_OFFLINE) {
            Self::Offline
        } else if has(bindings::KPF_SLAB) {
            Self::Slab
        } else if has(bindings::KPF_PGTABLE) {
            Self::PageTable
        } else if has(bindings::KPF_HUGE) {
            Self::HugePage
        } else {
            Self::Kernel
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Obstacle::NotOnline => "not online",
            Obstacle::OtherZone => "other zone",
            Obstacle::Reserved => "reserved",
            Obstacle::Slab => "slab",
            Obstacle::PageTable => "page table",
            Obstacle::Offline => "offline",
            Obstacle::Poisoned => "poisoned",
            Obstacle::HugePage => "huge page",
            Obstacle::Pinned => "pinned",
            Obstacle::Isolated => "isolated",
            Obstacle::Kernel => "kernel",
        })
    }
}

/// The pages of a range that keep it from being allocated, with their pfns, in order.
///
/// This is a snapshot: meanwhile, pages are allocated and freed, and go offline. It says nothing
/// about whether there is memory to migrate other pages to.
///
/// This wraps `page_is_unmovable()` in `mm/page_isolation.c`, by which the page allocator chooses
/// places, and `stable_page_flags()` in `fs/proc/page.c`, which tells what a page is. Without the
/// latter (`CONFIG_PROC_PAGE_MONITOR`), some kinds are not told from [`Obstacle::Kernel`].
///
/// # Context
///
/// Each step may sleep, and waits uninterruptibly while memory is going offline.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{
///         contig::ContigPages,
///         obstacle::{
///             Obstacle,
///             Obstacles, //
///         }, //
///     },
///     numa, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
/// let pages = ContigPages::alloc(16, flags, node)?;
///
/// // These pages are in use by the kernel.
/// let obstacles = Obstacles::new(*pages, flags, node);
/// assert!(obstacles.eq(pages.pfns().map(|pfn| (pfn, Obstacle::Kernel))));
/// # Ok::<(), Error>(())
/// ```
pub struct Obstacles {
    pfns: Range<usize>,
    zone: Option<Zone>,
    with_pinned: bool,
}

impl Obstacles {
    /// Looks at the pages of `range`, which shall be allocated on `node`, in a zone that is allowed
    /// by `flags`.
    pub fn new(range: PfnRange, flags: Flags, node: NumaNode) -> Self {
        Self {
            zone: MemHotplugGuard::new()
                .zone_of(range.start_pfn)
                .filter(|zone| zone.is_allowed(flags, node)),
            pfns: range.pfns(),
            with_pinned: false,
        }
    }

    /// Includes [`Obstacle::Pinned`]. This takes longer, and such pages do not keep the page
    /// allocator from trying.
    pub fn with_pinned(mut self) -> Self {
        self.with_pinned = true;
        self
    }

    /// Returns whether the page is an obstacle, and after how many pages to look again.
    fn look_at(&self, pfn: usize) -> (Option<Obstacle>, usize) {
        let guard = MemHotplugGuard::new();
        let mut step = 1;

        let Some(zone) = guard.zone_of(pfn) else {
            return (Some(Obstacle::NotOnline), step);
        };
        if self.zone != Some(zone) {
            return (Some(Obstacle::OtherZone), step);
        }

        // SAFETY: The page was online, and `guard` keeps it so, with its descriptor and zone.
        // `step` is valid for writing. `page_is_pinned()` looks at a copy.
        let (is_obstacle, is_pinned) = unsafe {
            let page = bindings::pfn_to_page(pfn);
            let is_obstacle = bindings::page_is_obstacle(page, &raw mut step);

            (
                is_obstacle,
                !is_obstacle && self.with_pinned && bindings::page_is_pinned(page),
            )
        };
        if is_obstacle {
            (Some(Obstacle::of(pfn, &guard)), 1)
        } else {
            (is_pinned.then_some(Obstacle::Pinned), step)
        }
    }
}

impl Iterator for Obstacles {
    type Item = (usize, Obstacle);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.pfns.is_empty() {
            let pfn = self.pfns.start;
            let (obstacle, step) = self.look_at(pfn);

            self.pfns.start = pfn + step.min(self.pfns.len());
            if let Some(obstacle) = obstacle {
                return Some((pfn, obstacle));
            }
        }
        None
    }
}

#[macros::kunit_tests(rust_mm_obstacle)]
mod tests {
    use super::*;
    use crate::{
        mm::contig::{
            lru_add_drain_all,
            tests::{
                flags,
                some_node, //
            },
            ContigPages, //
        },
        numa,
        page::Page,
        prelude::*, //
    };

    #[test]
    fn free_pages_are_not_in_the_way() -> Result {
        let node = some_node()?;
        let pages = ContigPages::alloc(512, flags(), node)?;
        let range = *pages;

        assert_eq!(Obstacles::new(range, flags(), node).count(), 512);
        drop(pages);
        // Other tasks may have allocated some of them.
        assert!(Obstacles::new(range, flags(), node).count() < 256);
        Ok(())
    }

    #[test]
    #[cfg(CONFIG_PROC_PAGE_MONITOR)]
    fn obstacles_are_what_they_are_said_to_be() -> Result {
        let node = some_node()?;
        let pages = ContigPages::alloc(4, flags(), node)?;
        let pfn = pages.start_pfn();

        // SAFETY: The page is owned, and has no type. The page allocator clears it again.
        unsafe { bindings::set_pages_offline(pfn + 1, 1) };
        let obstacles = Obstacles::new(*pages, flags(), node);
        assert!(obstacles.eq([
            (pfn, Obstacle::Kernel),
            (pfn + 1, Obstacle::Offline),
            (pfn + 2, Obstacle::Kernel),
            (pfn + 3, Obstacle::Kernel),
        ]));
        Ok(())
    }

    #[test]
    fn obstacles_are_those_of_the_range_and_in_order() -> Result {
        for node in numa::memory_nodes().iter() {
            for range in PfnRange::all_on(node, 1000, 1024).take(64) {
                let mut next = range.pfns().start;

                for (pfn, _) in Obstacles::new(range, flags(), node).with_pinned() {
                    assert!((next..range.pfns().end).contains(&pfn));
                    next = pfn + 1;
                }
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_beyond_a_node_is_in_the_way() {
        for node in numa::memory_nodes().iter() {
            // SAFETY: A node with memory has its `pglist_data`.
            let end = unsafe { bindings::node_end_pfn(node.id()) };
            let range = PfnRange {
                start_pfn: end - 16,
                nr_pages: 32,
            };

            let beyond = Obstacles::new(range, GFP_KERNEL | __GFP_MOVABLE, node)
                .filter(|(pfn, _)| *pfn >= end);
            assert_eq!(
                beyond
                    .filter(|(_, what)| matches!(what, Obstacle::NotOnline | Obstacle::OtherZone))
                    .count(),
                16
            );
        }
    }

    #[test]
    fn all_is_in_the_way_on_another_node() -> Result {
        let node = some_node()?;
        let other = (0..bindings::MAX_NUMNODES as i32)
            .filter_map(|id| NumaNode::new(id).ok())
            .find(|other| *other != node)
            .unwrap_or(NumaNode::NO_NODE);
        let range = *ContigPages::alloc(16, flags(), node)?;

        let obstacles = Obstacles::new(range, flags(), other);
        assert!(obstacles.eq(range.pfns().map(|pfn| (pfn, Obstacle::OtherZone))));
        assert!(range
            .zone()
            .is_some_and(|zone| zone.is_allowed(flags(), node)));
        assert!(!range
            .zone()
            .is_some_and(|zone| zone.is_allowed(flags(), other)));
        Ok(())
    }

    #[test]
    fn pages_on_the_lists_of_cpus_become_migratable() -> Result {
        let page = core::mem::ManuallyDrop::new(Page::alloc_page(GFP_KERNEL)?);
        let mut ptr = page.as_ptr();

        // SAFETY: The page has no other user, and is a folio of its own. The per-CPU list has its
        // own reference.
        let is_on_lru = unsafe {
            bindings::folio_add_lru(ptr.cast());
            lru_add_drain_all();
            (*ptr).flags.f & 1 << bindings::pageflags_PG_lru != 0
        };
        let range = PfnRange {
            // SAFETY: `ptr` is the descriptor of a page.
            start_pfn: unsafe { bindings::page_to_pfn(ptr) },
            nr_pages: 1,
        };
        // SAFETY: As above.
        let node = NumaNode::new(unsafe { bindings::page_to_nid(ptr) })?;
        let unmovable = Obstacles::new(range, GFP_KERNEL, node).next();
        // Nothing but this test has a reference.
        let pinned = Obstacles::new(range, GFP_KERNEL, node).with_pinned().next();
        let pages = &raw mut ptr;
        // SAFETY: This drops the reference of `page`, which is no longer used, in the way in which
        // pages on an LRU list are freed.
        unsafe { bindings::release_pages(bindings::release_pages_arg { pages }, 1) };

        assert!(is_on_lru);
        assert_eq!(unmovable, None);
        assert_eq!(pinned, Some((range.start_pfn, Obstacle::Pinned)));
        Ok(())
    }
}
