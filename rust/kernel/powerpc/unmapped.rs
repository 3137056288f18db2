// SPDX-License-Identifier: GPL-2.0

//! Pages that are not in the kernel's linear mapping.
//!
//! As long as a page is in the linear mapping, the processor may prefetch through it. Memory that
//! is accessed with other attributes, or by hardware that stops the machine if its memory is
//! cached, must be removed from the linear mapping.
//!
//! C header: [`include/linux/memory_hotplug.h`](srctree/include/linux/memory_hotplug.h)

use crate::{
    alloc::NumaNode,
    bindings,
    error::to_result,
    mm::{
        contig::PfnRange,
        offline::OfflinePages, //
    },
    page::PAGE_SHIFT,
    powerpc::zeroed::ZeroedPages,
    prelude::*,
    sizes::SZ_2M, //
};
use core::{
    mem::ManuallyDrop,
    ops::Deref,
    ptr, //
};

/// The interval at which the linear mapping is probed, in pages.
///
/// `remove_pagetable()` in `arch/powerpc/mm/book3s64/radix_pgtable.c` only leaves a huge leaf
/// mapped if it extends beyond the range, and the smallest huge leaf maps 2 MiB.
const PROBE_PAGES: usize = SZ_2M >> PAGE_SHIFT;

/// Returns the size of a memory block in bytes, a power of two.
///
/// Memory is removed from the linear mapping and added to it in multiples of this.
///
/// # Examples
///
/// ```
/// use kernel::powerpc::unmapped::memory_block_size;
///
/// assert!(memory_block_size().is_power_of_two());
/// ```
pub fn memory_block_size() -> usize {
    // SAFETY: No requirements.
    unsafe { bindings::memory_block_size_bytes() }
}

/// Contiguous offline pages that are not in the linear mapping.
///
/// Dropping this maps the pages again and returns them to the page allocator. This may fail for
/// lack of memory for page tables. Then the pages stay offline and unmapped, are leaked, and an
/// error is logged. Callers that can try again later should use [`UnmappedPages::map`], which never
/// leaks pages.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::contig::ContigPages,
///     numa,
///     page::PAGE_SIZE,
///     powerpc::{
///         machine_is_powernv,
///         unmapped::memory_block_size, //
///     }, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
///
/// // Only whole memory blocks can be removed from the linear mapping.
/// let page = ContigPages::alloc(1, flags, node)?.zero()?.finish()?.set_offline();
/// assert!(page.unmap().is_err_and(|e| e == EINVAL));
///
/// if !machine_is_powernv() {
///     return Ok(()); // only tested on PowerNV
/// }
/// if let Ok(pages) = ContigPages::alloc(memory_block_size() / PAGE_SIZE, flags, node) {
///     let unmapped = pages.zero()?.finish()?.set_offline().unmap()?;
///     let mapped = unmapped.map().map_err(|(_unmapped, e)| e)?;
///     drop(mapped);
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// No page of the range is in the linear mapping.
pub struct UnmappedPages {
    pages: ManuallyDrop<OfflinePages<ZeroedPages>>,
}

impl OfflinePages<ZeroedPages> {
    /// Removes the pages from the linear mapping.
    ///
    /// This wraps `arch_remove_linear_mapping()` in `arch/powerpc/mm/mem.c`, which does not report
    /// errors. Therefore the linear mapping is probed afterwards, and it is an error if the range
    /// is still mapped.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the start or the size of the range is not a multiple of
    /// [`memory_block_size`], and [`EIO`] if some of it could not be unmapped. On error, the pages
    /// are mapped again as before, and freed, or leaked if that fails.
    ///
    /// # Context
    ///
    /// May sleep. Waits uninterruptibly for readers of `kernel_page_tables`.
    pub fn unmap(self) -> Result<UnmappedPages> {
        let block_mask = memory_block_size() - 1;
        if (self.start() as usize | self.size()) & block_mask != 0 {
            return Err(EINVAL);
        }

        // SAFETY: The range is owned, offline and thus accessed by nobody. It consists of whole
        // memory blocks.
        unsafe { remove_linear_mapping(self.start(), self.size() as u64) };

        if let Some(pfn) = find_mapped(&self) {
            pr_err!("pfn {pfn:#x} could not be removed from the linear mapping\n");
            map_missing_blocks(self);
            return Err(EIO);
        }

        // INVARIANT: This was checked above.
        Ok(UnmappedPages {
            pages: ManuallyDrop::new(self),
        })
    }
}

/// Removes a range from the linear mapping, and frees page tables that have become empty.
///
/// `ptdump_walk_pgd()` in `mm/ptdump.c`, which walks all of the linear mapping, holds the
/// `mmap_lock` of `init_mm` for writing, and thus waits for this. (Memory hotplug excludes it by
/// `mem_hotplug_begin()`, which waits for a grace period of RCU.) Others only walk to an address
/// that is in use, and so find no page table that is empty.
///
/// # Safety
///
/// The range must consist of whole memory blocks that nobody accesses.
unsafe fn remove_linear_mapping(start: u64, size: u64) {
    // SAFETY: `init_mm` is always valid.
    unsafe { bindings::mmap_read_lock(&raw mut bindings::init_mm) };
    // SAFETY: By the requirements of this function, nobody accesses the range. No page table entry
    // of the linear mapping spans two memory blocks, so those that are removed map nothing else.
    unsafe { bindings::arch_remove_linear_mapping(start, size) };
    // SAFETY: It was locked above.
    unsafe { bindings::mmap_read_unlock(&raw mut bindings::init_mm) };
}

/// Returns the first pfn found in `range` that can be read through the linear mapping.
fn find_mapped(range: &PfnRange) -> Option<usize> {
    range
        .pfns()
        .step_by(PROBE_PAGES)
        .find(|&pfn| is_mapped(pfn))
}

fn is_mapped(pfn: usize) -> bool {
    let mut byte = 0u8;

    // SAFETY: Every pfn has an address in the linear mapping, whether it is mapped or not. The read
    // tolerates a missing mapping, and `byte` has room for the result.
    unsafe {
        bindings::copy_from_kernel_nofault((&raw mut byte).cast(), bindings::pfn_to_kaddr(pfn), 1)
            == 0
    }
}

/// Maps the memory blocks of `pages` that are not mapped, and frees the pages.
fn map_missing_blocks(pages: OfflinePages<ZeroedPages>) {
    let block_size = memory_block_size();

    for pfn in pages.pfns().step_by(block_size >> PAGE_SHIFT) {
        if !is_mapped(pfn) && create_linear_mapping(pfn, block_size, pages.node()).is_err() {
            leak(pages);
            return;
        }
    }
}

fn create_linear_mapping(start_pfn: usize, size: usize, node: NumaNode) -> Result {
    let start = (start_pfn as u64) << PAGE_SHIFT;
    // SAFETY: No requirements.
    let mut params = unsafe { bindings::mhp_params_page_kernel() };

    // SAFETY: The callers own the range and have checked that it is not mapped, so no entry of the
    // linear mapping is overwritten. `params` has the same protection as the linear mapping of all
    // free memory.
    let ret = unsafe {
        bindings::arch_create_linear_mapping(node.id(), start, size as u64, &raw mut params)
    };
    if ret != 0 {
        // Remove what was mapped before the failure. Holes are skipped.
        //
        // SAFETY: As above, the range is owned and accessed by nobody. It consists of whole memory
        // blocks.
        unsafe { remove_linear_mapping(start, size as u64) };
    }

    to_result(ret)
}

fn leak(pages: OfflinePages<ZeroedPages>) {
    pr_err!(
        "{:#x} bytes at {:#018x} could not be mapped and are lost until the next boot\n",
        pages.size(),
        pages.start(),
    );
    core::mem::forget(pages);
}

impl UnmappedPages {
    /// Adds the pages to the linear mapping again.
    ///
    /// This wraps `arch_create_linear_mapping()` in `arch/powerpc/mm/mem.c`.
    ///
    /// # Errors
    ///
    /// `self`, unchanged, and the error if there is not enough memory for the page tables.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn map(self) -> Result<OfflinePages<ZeroedPages>, (Self, Error)> {
        if let Err(e) = create_linear_mapping(self.start_pfn(), self.size(), self.pages.node()) {
            return Err((self, e));
        }

        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used or dropped after this, so the pages keep one owner.
        Ok(unsafe { ptr::read(&*this.pages) })
    }

    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        self.pages.node()
    }
}

impl Deref for UnmappedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.pages
    }
}

impl Drop for UnmappedPages {
    fn drop(&mut self) {
        // SAFETY: `self.pages` is not used after this.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };

        if create_linear_mapping(pages.start_pfn(), pages.size(), pages.node()).is_err() {
            leak(pages);
        }
    }
}

#[macros::kunit_tests(rust_powerpc_unmapped)]
mod tests {
    use super::*;
    use crate::{
        mm::contig::tests::alloc_somewhere,
        numa,
        page::PAGE_SIZE,
        powerpc::machine_is_powernv, //
    };

    /// Allocates memory blocks, starting at a multiple of `align` bytes, if the machine is suitable
    /// and has enough free blocks.
    fn some_blocks(nr_blocks: usize, align: usize) -> Result<Option<OfflinePages<ZeroedPages>>> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
        let nr_pages = nr_blocks * memory_block_size() / PAGE_SIZE;

        if !machine_is_powernv() {
            return Ok(None); // only tested on PowerNV
        }
        match alloc_somewhere(nr_pages, align / PAGE_SIZE, node) {
            Ok(pages) => Ok(Some(pages.zero()?.finish()?.set_offline())),
            Err(_) => Ok(None),
        }
    }

    #[test]
    fn every_huge_leaf_is_probed() {
        assert_eq!(PROBE_PAGES * PAGE_SIZE, SZ_2M);
    }

    #[test]
    fn pages_leave_the_linear_mapping_and_come_back() -> Result {
        let Some(pages) = some_blocks(1, memory_block_size())? else {
            return Ok(());
        };
        let pfns = pages.pfns();
        assert!(pfns.clone().all(is_mapped));
        assert_eq!(find_mapped(&pages), Some(pfns.start));

        let pages = pages.unmap()?;
        assert_eq!(pages.pfns(), pfns.clone());
        assert!(!pfns.clone().any(is_mapped));
        assert_eq!(find_mapped(&pages), None);

        let pages = pages.map().map_err(|(_, e)| e)?;
        assert_eq!(pages.pfns(), pfns.clone());
        assert!(pfns.clone().all(is_mapped));

        // Dropping them maps them as well.
        drop(pages.unmap()?);
        assert!(pfns.clone().all(is_mapped));
        Ok(())
    }

    #[test]
    fn block_that_is_missing_is_mapped() -> Result {
        let Some(pages) = some_blocks(2, memory_block_size())? else {
            return Ok(());
        };
        let pfns = pages.pfns();
        let mut unmapped = ManuallyDrop::new(pages.unmap()?);
        // SAFETY: `unmapped` is no longer used.
        let pages = unsafe { ManuallyDrop::take(&mut unmapped.pages) };
        create_linear_mapping(pfns.start, memory_block_size(), pages.node())?;
        assert!(is_mapped(pfns.start) && !is_mapped(pfns.end - 1));

        map_missing_blocks(pages);
        assert!(pfns.clone().all(is_mapped));
        Ok(())
    }

    #[test]
    fn start_amid_a_block_is_refused() -> Result {
        let Some(pages) = some_blocks(1, memory_block_size() / 2)? else {
            return Ok(());
        };
        let pfns = pages.pfns();
        if pages.start() as usize % memory_block_size() == 0 {
            return Ok(()); // no unaligned range was available
        }

        assert!(pages.unmap().is_err_and(|e| e == EINVAL));
        assert!(pfns.clone().all(is_mapped));
        Ok(())
    }
}
