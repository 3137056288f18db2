// SPDX-License-Identifier: GPL-2.0

//! Pages that are zeroed and not in any cache.

use crate::{
    bindings,
    mm::contig::{
        ContigPages,
        PfnRange, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sizes::SZ_256K,
    task::cond_resched, //
};
use core::ops::Deref;

/// Contiguous pages that are zero in memory and in no data cache.
///
/// What comes next may access them cache-inhibited, or by a device that does not snoop.
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
/// let pages = ContigPages::alloc(16, GFP_KERNEL, node)?.clear()?;
///
/// assert_eq!(pages.nr_pages(), 16);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Since the last byte was written back and invalidated nobody has accessed the pages, which are
/// owned and have no user yet.
pub struct ClearedPages(ContigPages);

/// How much is zeroed before it is flushed: it should still be in the cache by then.
const CHUNK_PAGES: usize = if PAGE_SIZE < SZ_256K {
    SZ_256K / PAGE_SIZE
} else {
    1
};

impl ContigPages {
    /// Zeroes the pages, and writes them back and invalidates them in the data cache.
    ///
    /// # Errors
    ///
    /// [`EINTR`] if the current task got a fatal signal. The pages have then been freed.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn clear(self) -> Result<ClearedPages> {
        for pfn in self.pfns().step_by(CHUNK_PAGES) {
            let nr_pages = usize::min(CHUNK_PAGES, self.pfns().end - pfn);

            // SAFETY: Any pfn of memory that the kernel owns has an address in the linear mapping.
            let addr = unsafe { bindings::pfn_to_kaddr(pfn) };
            // SAFETY: The pages from `pfn` on are ours alone, and as pages that were just
            // allocated they are in the linear mapping, which is contiguous. `nr_pages` is not zero
            // and fits the type, being at most `CHUNK_PAGES`.
            unsafe { bindings::clear_pages(addr.cast_mut(), nr_pages as u32) };
            let start = addr as usize;
            // SAFETY: As above, each cache line of that range is mapped.
            unsafe { bindings::flush_dcache_range(start, start + nr_pages * PAGE_SIZE) };

            cond_resched();
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
        }

        // INVARIANT: Each chunk was flushed after it was written, and `self` is the only owner.
        Ok(ClearedPages(self))
    }
}

impl ClearedPages {
    /// Returns the pages' owner, for what can be asked of them.
    pub(super) fn pages(&self) -> &ContigPages {
        &self.0
    }
}

impl Deref for ClearedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}
