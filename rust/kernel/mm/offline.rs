// SPDX-License-Identifier: GPL-2.0

//! Pages that are marked `PageOffline`.
//!
//! C header: [`include/linux/page-flags.h`](srctree/include/linux/page-flags.h)

use crate::{
    alloc::NumaNode,
    bindings,
    mm::contig::{
        ContigPages,
        PfnRange, //
    },
};
use core::ops::Deref;

/// Pages that have one owner.
///
/// # Safety
///
/// - A value must own all pages of its [`PfnRange`], which must never change, and all of which must
///   be on [`ExclusivePages::node`].
/// - No page may be part of a compound page or have a page type, and nobody may use the type field
///   of the page descriptors. So no page may be mapped by a process, except with `VM_PFNMAP`.
/// - Dropping the value must return the pages to the page allocator, which resets that field
///   (`__free_pages_prepare()` in `mm/page_alloc.c`).
pub unsafe trait ExclusivePages: Deref<Target = PfnRange> {
    /// Returns the node that the pages are on.
    fn node(&self) -> NumaNode;
}

// SAFETY: By the type invariant, `self` owns pages that were allocated in one zone, which have no
// type and no other user. `range` never changes, and `drop()` frees the pages.
unsafe impl ExclusivePages for ContigPages {
    fn node(&self) -> NumaNode {
        ContigPages::node(self)
    }
}

/// Pages that are marked `PageOffline`.
///
/// Page frame walkers (hibernation, crash dumps, `/proc/kcore`, page migration) skip such pages,
/// and must not rely on the content of these pages or on their presence in the linear mapping.
///
/// Dropping this returns the pages to the page allocator, which clears the flag of each page once
/// nobody holds a reference to it (`__free_pages_prepare()` in `mm/page_alloc.c`). A page that had
/// a memory error (`PageHWPoison`) never becomes free again, and stays marked.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{
///         contig::ContigPages,
///         offline::OfflinePages, //
///     },
///     numa, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let pages = OfflinePages::new(ContigPages::alloc(16, GFP_KERNEL, node)?);
///
/// assert_eq!(pages.nr_pages(), 16);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each page is marked `PageOffline`.
pub struct OfflinePages<P>(P);

impl<P: ExclusivePages> OfflinePages<P> {
    /// Marks each page `PageOffline`.
    ///
    /// When this returns, page frame walkers that use `page_offline_freeze()`, and have seen the
    /// flag unset, no longer access a page.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn new(pages: P) -> Self {
        let range = *pages;

        // SAFETY: No requirements. Waits for page frame walkers that are between checking the flag
        // and accessing the page (`page_offline_freeze()` in `mm/util.c`), and blocks new ones
        // until `page_offline_end()`.
        unsafe { bindings::page_offline_begin() };
        // SAFETY: `pages` owns the pages, so their descriptors are valid, the type fields have no
        // other user, and the unlocked updates do not race.
        unsafe { bindings::set_pages_offline(range.start_pfn(), range.nr_pages()) };
        // SAFETY: Pairs with the call above.
        unsafe { bindings::page_offline_end() };

        // INVARIANT: Each page was marked above.
        Self(pages)
    }

    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        self.0.node()
    }
}

impl<P: ExclusivePages> Deref for OfflinePages<P> {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

#[macros::kunit_tests(rust_mm_offline)]
mod tests {
    use super::*;
    use crate::{
        mm::contig::tests::waits_for,
        numa,
        prelude::*,
        types::NotThreadSafe, //
    };

    fn some_pages(nr_pages: usize) -> Result<ContigPages> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;

        ContigPages::alloc(nr_pages, GFP_KERNEL, node)
    }

    fn is_offline(pfn: usize) -> bool {
        // SAFETY: The pfns are those of memory, and any value is valid for this integer type.
        let page_type = unsafe { (*bindings::pfn_to_page(pfn)).__bindgen_anon_2.page_type };

        page_type >> 24 == bindings::pagetype_PGTY_offline
    }

    #[test]
    fn each_page_is_marked_until_it_is_free() -> Result {
        for nr_pages in [1, 3, 64] {
            let pages = some_pages(nr_pages)?;
            let pfns = pages.pfns();
            assert!(!pfns.clone().any(is_offline));

            let pages = OfflinePages::new(pages);
            assert_eq!(pages.pfns(), pfns.clone());
            assert!(pfns.clone().all(is_offline));

            drop(pages);
            assert!(!pfns.clone().any(is_offline));
        }
        Ok(())
    }

    #[test]
    fn no_other_page_is_marked() -> Result {
        let pages = some_pages(18)?;
        let pfns = pages.pfns();

        // SAFETY: `pages` owns these, and nobody else uses them.
        unsafe { bindings::set_pages_offline(pfns.start + 1, 16) };
        assert!(!is_offline(pfns.start));
        assert!((pfns.start + 1..pfns.end - 1).all(is_offline));
        assert!(!is_offline(pfns.end - 1));
        Ok(())
    }

    /// A page frame walker that has checked the flag and is about to access the page.
    struct Walker(NotThreadSafe);

    impl Walker {
        fn new() -> Self {
            // SAFETY: No requirements.
            unsafe { bindings::page_offline_freeze() };
            Self(NotThreadSafe)
        }
    }

    impl Drop for Walker {
        fn drop(&mut self) {
            // SAFETY: Pairs with the call in `new()`, by the same task.
            unsafe { bindings::page_offline_thaw() };
        }
    }

    #[test]
    fn nobody_accesses_a_page_when_it_is_marked() -> Result {
        let pages = some_pages(1)?;

        assert!(waits_for(Walker::new(), move || drop(OfflinePages::new(
            pages
        )))?);
        Ok(())
    }
}
