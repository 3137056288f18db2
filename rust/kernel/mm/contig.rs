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
    io::PhysAddr,
    page::PAGE_SHIFT,
    prelude::*, //
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
///     mm::contig::ContigPages,
///     numa, //
/// };
///
/// let node = numa::memory_nodes().next().ok_or(ENODEV)?;
/// let pages = ContigPages::alloc(16, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, node)?;
///
/// // A power of two, and therefore aligned to its own size.
/// assert_eq!(pages.start_pfn() % 16, 0);
/// assert_eq!(pages.size(), 16 * kernel::page::PAGE_SIZE);
/// assert!(pages.node() == node);
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
    /// [`ENOMEM`] if no range of that size could be freed, [`EINTR`] if the current task got a fatal
    /// signal meanwhile, and [`EINVAL`] if `nr_pages` is zero.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn alloc(nr_pages: usize, flags: Flags, node: NumaNode) -> Result<Self> {
        // The C side would answer with the first page of the zone, which is not ours.
        if nr_pages == 0 {
            return Err(EINVAL);
        }

        // SAFETY: `alloc_contig_pages()` has no requirements: it checks `flags` and every candidate
        // range by itself, and a null node mask allows every node.
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

    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        // SAFETY: The type invariant gives a valid page descriptor for each pfn of the range.
        let nid = unsafe { bindings::page_to_nid(bindings::pfn_to_page(self.start_pfn)) };

        NumaNode::new(nid).unwrap_or(NumaNode::NO_NODE)
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
        // SAFETY: The type invariant gives the reference to each page that `free_contig_range()`
        // drops, and that the first one is not the head of a compound page.
        unsafe { bindings::free_contig_range(self.start_pfn, self.nr_pages) };
    }
}
