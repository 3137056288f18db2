// SPDX-License-Identifier: GPL-2.0

//! Pages that are zeroed.

use crate::{
    alloc::NumaNode,
    bindings,
    mm::{
        contig::{
            ContigPages,
            PfnRange, //
        },
        offline::{
            ExclusivePages,
            OfflinePages, //
        }, //
    },
    page::PAGE_SIZE,
    powerpc::chunks::{
        ChunkWork,
        CHUNK_PAGES, //
    },
    prelude::*, //
};
use core::ops::{
    Deref,
    Range, //
};

/// Contiguous pages that are zeroed.
///
/// Their cache lines may be in any cache, and may not have been written back to memory yet. As long
/// as pages are in the linear mapping, their lines may be prefetched at any time, even after a
/// flush. To get memory that is in no data cache, use `IoremappedPages::flush`.
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
/// let pages = ContigPages::alloc(16, GFP_KERNEL, node)?.zero()?.finish()?;
///
/// assert_eq!(pages.nr_pages(), 16);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each byte of the pages was zeroed after the pages had been allocated.
pub struct ZeroedPages(ContigPages);

/// Contiguous pages that are being zeroed, by workers on the CPUs of their node.
///
/// Dropping this stops the work and returns the pages to the page allocator. It waits for the
/// chunks that workers have already started.
pub struct ZeroingPages(ChunkWork<ContigPages>);

impl ContigPages {
    /// Starts to zero the pages.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if there is no memory to keep track of the work. The pages have then been freed.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn zero(self) -> Result<ZeroingPages> {
        let node = self.node();

        // SAFETY: Each chunk is handed out once, and as long as any chunk is being worked on, the
        // work owns the pages, which nobody else can access.
        let zero: fn(_) = |pfns| unsafe { zero_chunk(pfns) };

        ChunkWork::start(self, node, CHUNK_PAGES, zero)
            .map(ZeroingPages)
            .map_err(|(_, e)| e)
    }
}

impl ZeroingPages {
    /// Helps with the work until all of it is done.
    ///
    /// # Errors
    ///
    /// [`EINTR`] if the current task received a fatal signal. The pages have then been freed.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn finish(self) -> Result<ZeroedPages> {
        // INVARIANT: Each chunk was zeroed.
        self.0.finish().map(ZeroedPages).map_err(|(_, e)| e)
    }
}

/// Zeroes pages.
///
/// # Safety
///
/// The caller must own the pages. There must be at least one and at most [`CHUNK_PAGES`] of them,
/// and they must be in the linear mapping.
unsafe fn zero_chunk(pfns: Range<usize>) {
    // SAFETY: Any pfn of memory that the kernel owns has an address in the linear mapping.
    let addr = unsafe { bindings::pfn_to_kaddr(pfns.start) };
    // SAFETY: By this function's requirements; the linear mapping is contiguous. The number of
    // pages is not zero and fits the type.
    unsafe { bindings::clear_pages(addr.cast_mut(), pfns.len() as u32) };
    // Dirty lines can only be flushed from the data caches of all CPUs through a coherent mapping.
    // With the hash MMU this is the last one, see `IoremappedPages::flush()`.
    //
    // SAFETY: No requirements.
    if !unsafe { bindings::radix_enabled() } {
        let start = addr as usize;
        // SAFETY: As above, each cache line of that range is mapped.
        unsafe { bindings::flush_dcache_range(start, start + pfns.len() * PAGE_SIZE) };
    }
}

impl ZeroedPages {
    /// Marks each page `PageOffline`, see [`OfflinePages::new`].
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn set_offline(self) -> OfflinePages<Self> {
        OfflinePages::new(self)
    }
}

// SAFETY: This owns `ContigPages`, which meet the requirements.
unsafe impl ExclusivePages for ZeroedPages {
    fn node(&self) -> NumaNode {
        self.0.node()
    }
}

impl Deref for ZeroedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

#[macros::kunit_tests(rust_powerpc_zeroed)]
mod tests {
    use super::*;
    use crate::{
        mm::contig::tests::{
            are_filled_with,
            fill, //
        },
        numa, //
    };

    #[test]
    fn every_page_is_zero() -> Result {
        for node in numa::memory_nodes().iter() {
            for nr_pages in [1, CHUNK_PAGES, CHUNK_PAGES + 1, 4 * CHUNK_PAGES - 1] {
                let pages = ContigPages::alloc(nr_pages, GFP_KERNEL | __GFP_THISNODE, node)?;
                let pfns = pages.pfns();
                fill(pfns.clone(), 0xa5);

                let pages = pages.zero()?.finish()?;
                assert_eq!(pages.pfns(), pfns.clone());
                assert!(pages.node() == node);
                assert!(are_filled_with(pfns, 0));
            }
        }
        Ok(())
    }

    #[test]
    fn chunk_is_zeroed_and_no_other_page() -> Result {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
        let pages = ContigPages::alloc(CHUNK_PAGES + 2, GFP_KERNEL, node)?;
        let Range { start, end } = pages.pfns();

        fill(pages.pfns(), 0xa5);
        // SAFETY: `pages` owns these, so nobody else uses them, and all memory that the kernel uses
        // is in the linear mapping.
        unsafe { zero_chunk(start + 1..end - 1) };
        assert!(are_filled_with(start..start + 1, 0xa5));
        assert!(are_filled_with(start + 1..end - 1, 0));
        assert!(are_filled_with(end - 1..end, 0xa5));
        Ok(())
    }
}
