// SPDX-License-Identifier: GPL-2.0

//! Pages that nobody but their owner may touch.
//!
//! C header: [`include/linux/page-flags.h`](srctree/include/linux/page-flags.h)

use crate::{
    alloc::NumaNode,
    bindings,
    mm::{
        cleared::ClearedPages,
        contig::PfnRange, //
    },
};
use core::ops::Deref;

/// Contiguous pages that are marked `PageOffline`.
///
/// Whoever walks page frames (hibernation, crash dumps, `/proc/kcore`, page migration) leaves such
/// pages alone: neither their content nor their presence in the linear mapping may be relied on.
///
/// Dropping them gives the pages back to the page allocator, which takes the mark off each page
/// once nobody holds a reference to it (`__free_pages_prepare()` in `mm/page_alloc.c`).
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
/// let pages = ContigPages::alloc(16, GFP_KERNEL, node)?.clear()?.finish()?.set_offline();
///
/// assert!(pages.node() == node);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each page is marked `PageOffline`.
pub struct OfflinePages(ClearedPages);

impl ClearedPages {
    /// Marks each page `PageOffline`.
    ///
    /// On return nobody who looked at the flag before it was set is still accessing a page.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn set_offline(self) -> OfflinePages {
        // SAFETY: No requirements. Waits for page frame walkers that are between looking at the
        // flag and accessing the page (`page_offline_freeze()` in `mm/util.c`), and keeps new ones
        // out.
        unsafe { bindings::page_offline_begin() };
        // SAFETY: `self` owns the pages, so their descriptors are valid, the type fields have no
        // other user, and the unlocked updates do not race.
        unsafe { bindings::set_pages_offline(self.start_pfn(), self.nr_pages()) };
        // SAFETY: Pairs with the call above.
        unsafe { bindings::page_offline_end() };

        // INVARIANT: Each page was just marked.
        OfflinePages(self)
    }
}

impl OfflinePages {
    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        self.0.node()
    }
}

impl Deref for OfflinePages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}
