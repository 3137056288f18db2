// SPDX-License-Identifier: GPL-2.0

//! Pages that are only accessed cache-inhibited.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    alloc::NumaNode,
    bindings,
    iov::IovIterDest,
    mm::{
        chunks::{
            ChunkWork,
            Work,
            CHUNK_PAGES, //
        },
        contig::PfnRange,
        unmapped::UnmappedPages,
        virt::{
            flags,
            VmaSetup, //
        },
    },
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::Arc,
    types::ForeignOwnable, //
};
use core::{
    marker::PhantomData,
    ops::{
        Deref,
        Range, //
    },
    ptr::NonNull, //
};

/// Contiguous pages, outside the linear mapping, that are mapped cache-inhibited into the kernel.
///
/// Their lines may still be in a data cache, from the time when they were in the linear mapping.
///
/// Dropping this frees the pages, as for [`UnmappedPages`].
///
/// # Invariants
///
/// `addr` is the cache-inhibited mapping of all of `pages`, which is [`Some`] until the pages are
/// taken out.
pub struct IoremappedPages {
    addr: NonNull<c_void>,
    range: PfnRange,
    pages: Option<UnmappedPages>,
}

// SAFETY: The mapping at `addr` is a kernel mapping, which is the same for all tasks.
unsafe impl Send for IoremappedPages {}

/// Pages whose lines are being flushed, by workers on the CPUs of their node.
///
/// Dropping this stops the work and frees the pages. It waits for the chunks that workers have
/// already started.
pub struct FlushingPages(ChunkWork<IoremappedPages, Flush>);

/// Contiguous pages, outside the linear mapping, that the kernel and processes access
/// cache-inhibited.
///
/// Hardware may write to them at any time, so their content is only ever copied out. Every mapping
/// by a process holds a reference, so the pages cannot be freed before the last mapping is gone.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{
///         cache_inhibited::CacheInhibitedPages,
///         contig::ContigPages,
///         unmapped::memory_block_size, //
///     },
///     numa,
///     page::PAGE_SIZE,
///     powerpc::machine_is_powernv,
///     sync::Arc, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
///
/// if !machine_is_powernv() {
///     return Ok(()); // do not change other machines
/// }
/// if let Ok(pages) = ContigPages::alloc(memory_block_size() / PAGE_SIZE, flags, node) {
///     let pages = pages.zero()?.finish()?.set_offline().unmap()?;
///     let pages = pages.ioremap().map_err(|(_unmapped, e)| e)?;
///     let pages = pages.flush().map_err(|(_unmapped, e)| e)?;
///     let pages = pages.finish().map_err(|(_unmapped, e)| e)?;
///     let pages = Arc::new(pages, GFP_KERNEL)?;
///
///     // The pages are only returned when there is no other user left.
///     let user = pages.clone();
///     assert!(CacheInhibitedPages::iounmap(pages).is_none());
///     assert!(CacheInhibitedPages::iounmap(user).is_some());
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each line was flushed after the pages had been removed from the linear mapping. As no other
/// mapping can bring a line into a data cache, none is in one (for the limits of this with the hash
/// MMU, see [`IoremappedPages::flush`]).
pub struct CacheInhibitedPages(IoremappedPages);

// SAFETY: Through a shared reference, the pages are only copied from. This may race with hardware
// that writes to them in any case.
unsafe impl Sync for CacheInhibitedPages {}

impl UnmappedPages {
    /// Maps the pages cache-inhibited into the kernel.
    ///
    /// This wraps `ioremap()` in `arch/powerpc/mm/ioremap.c`.
    ///
    /// # Errors
    ///
    /// `self` and [`ENOMEM`] if there is no memory or address space for the mapping.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn ioremap(self) -> Result<IoremappedPages, (Self, Error)> {
        // SAFETY: The pages are owned, and not in the linear mapping, so no mapping is cacheable.
        let addr = unsafe { bindings::ioremap(self.start(), self.size()) };

        match NonNull::new(addr) {
            // INVARIANT: `ioremap()` has mapped all of `self`.
            Some(addr) => Ok(IoremappedPages {
                addr,
                range: *self,
                pages: Some(self),
            }),
            None => Err((self, ENOMEM)),
        }
    }
}

impl IoremappedPages {
    /// Starts to write back and invalidate each line of the pages, in the data caches of all CPUs.
    ///
    /// This follows the order that the Power ISA requires when a page becomes caching inhibited
    /// (Book III, "Altering the Storage Control Bits"): first there must be only caching inhibited
    /// mappings, then a `dcbf` of each line, and only then any other access. A flush while the
    /// pages are in the linear mapping is not enough: a prefetch through that may bring back any
    /// line. Instruction caches are not flushed: no instructions are fetched from the pages, and
    /// lines of instruction caches are never written back.
    ///
    /// `dcbf` has the same effect whether or not its address is caching inhibited (Book II, "Cache
    /// Management Instructions"). It affects the caches of all CPUs if the address is "memory
    /// coherence required". With the radix MMU it always is. With the hash MMU, a caching inhibited
    /// page of Linux is not (`htab_convert_pte_flags()` in
    /// `arch/powerpc/mm/book3s64/hash_utils.c`), and the ISA only guarantees an effect on the cache
    /// of the CPU that flushes. With the hash MMU, dirty lines have therefore been flushed through
    /// the linear mapping by [`ContigPages::zero`](super::contig::ContigPages::zero). Whether
    /// clean lines stay in the caches of other CPUs is up to the processor.
    ///
    /// No flush is needed when the pages are added to the linear mapping again: caching inhibited
    /// accesses leave no line in any cache. The old mapping is no longer accessed: `iounmap()` may
    /// leave its translations until later, but as it is guarded, no CPU accesses it speculatively.
    /// Stores through it have completed: those of processes when they were unmapped, those of the
    /// kernel in `memcpy_toio()`. Hardware that writes to the pages must have been stopped.
    ///
    /// # Errors
    ///
    /// The pages and [`ENOMEM`] if there is no memory to keep track of the work.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn flush(self) -> Result<FlushingPages, (Option<UnmappedPages>, Error)> {
        let node = self.node();
        let flush = Flush {
            addr: self.addr.addr().get(),
            start_pfn: self.start_pfn(),
        };

        ChunkWork::start(self, node, CHUNK_PAGES, flush)
            .map(FlushingPages)
            .map_err(|(pages, e)| (pages.iounmap(), e))
    }

    fn node(&self) -> NumaNode {
        self.pages
            .as_ref()
            .map_or(NumaNode::NO_NODE, UnmappedPages::node)
    }

    fn iounmap(mut self) -> Option<UnmappedPages> {
        self.pages.take()
    }
}

impl Deref for IoremappedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.range
    }
}

impl Drop for IoremappedPages {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, `addr` comes from `ioremap()`, and it is no longer used.
        // The pages, if they are still here, are dropped after this.
        unsafe { bindings::iounmap(self.addr.as_ptr()) };
    }
}

/// Flushes chunks of pages. The page with pfn `start_pfn` is mapped at `addr`.
struct Flush {
    addr: usize,
    start_pfn: usize,
}

impl Work for Flush {
    fn run(&self, pfns: Range<usize>) {
        let start = self.addr + ((pfns.start - self.start_pfn) << PAGE_SHIFT);

        // SAFETY: As long as any chunk is being worked on, the work owns the `IoremappedPages`. By
        // their type invariant, each line of the chunk is mapped. Writing back and invalidating
        // lines does not change the content of memory.
        unsafe { bindings::flush_dcache_range(start, start + (pfns.len() << PAGE_SHIFT)) };
    }
}

impl FlushingPages {
    /// Helps with the work until all of it is done.
    ///
    /// # Errors
    ///
    /// The pages and [`EINTR`] if the current task received a fatal signal.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn finish(self) -> Result<CacheInhibitedPages, (Option<UnmappedPages>, Error)> {
        // INVARIANT: Each chunk was flushed, through a mapping that only the result owns, and the
        // `sync` after the flush has completed.
        self.0
            .finish()
            .map(CacheInhibitedPages)
            .map_err(|(pages, e)| (pages.and_then(IoremappedPages::iounmap), e))
    }
}

impl CacheInhibitedPages {
    /// Undoes [`UnmappedPages::ioremap`].
    ///
    /// Returns [`None`] if `this` was not the last reference. The pages are then returned to the
    /// page allocator when the last one is dropped.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn iounmap(this: Arc<Self>) -> Option<UnmappedPages> {
        let mut this = Pin::into_inner(Arc::into_unique_or_drop(this)?);

        this.0.pages.take()
    }

    /// Copies up to `len` bytes, starting at `offset` (in bytes), to `iter`.
    ///
    /// Returns the number of bytes copied. It is less than `len` if the pages or `iter` end before
    /// that, or if user memory behind `iter` could not be written.
    #[inline]
    pub fn copy_to_iter(&self, offset: usize, len: usize, iter: &mut IovIterDest<'_>) -> usize {
        let len = usize::min(len, self.size().saturating_sub(offset));
        if len == 0 {
            return 0;
        }

        // SAFETY: By the type invariant, the `len` bytes at `offset` are mapped, and `iter` is a
        // valid iterator to copy to.
        unsafe {
            let from = self.0.addr.as_ptr().byte_add(offset);
            bindings::_copy_to_iter(from, len, iter.as_raw())
        }
    }

    /// Sets up `vma` to map the requested part of the pages into a process, cache-inhibited. This
    /// claims `vma`, so nobody else can set it up.
    ///
    /// The pages are mapped when they are first accessed, with page table entries as large as the
    /// MMU supports and the alignment allows.
    ///
    /// The mapping holds `this` and `guard` until it and all of its copies (by `fork()`, a split
    /// or `mremap()`) are gone. It then drops `this` first.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the mapping extends beyond the pages, is private (it would lose what is
    /// written to it, and what the hardware writes), or is executable. [`ENOMEM`] if there is no
    /// memory to keep track of it.
    ///
    /// # Context
    ///
    /// In an `mmap()` hook, as required by `vma`. May sleep.
    pub fn mmap<T: Send + Sync + 'static>(this: Arc<Self>, vma: VmaSetup<'_>, guard: T) -> Result {
        let mapping = Mapping {
            pages: this,
            _guard: guard,
        };
        let vma = vma.claim();
        let nr_pages = (vma.end() - vma.start()) >> PAGE_SHIFT;
        // SAFETY: `vma` is valid, and being set up by this task.
        let pgoff = unsafe { (*vma.as_ptr()).vm_pgoff };

        let all_pages = mapping.pages.nr_pages();
        if pgoff >= all_pages || nr_pages > all_pages - pgoff {
            return Err(EINVAL);
        }
        // For a file that is open read-only, the kernel clears `VM_SHARED`, but not `VM_MAYSHARE`.
        if vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;

        let mapping = Arc::new(mapping, GFP_KERNEL)?;
        vma.set_io();
        vma.set_dontexpand();
        vma.set_dontdump();
        // SAFETY: `vma` is being set up by this task, and was claimed here, so nobody else uses its
        // fields or sets `VM_MIXEDMAP`. It is shared, as `vmf_insert_pfn()` and similar functions
        // require of a mapping of pfns, and `vm_private_data` is set to what `VmOps<T>` expects
        // there.
        unsafe {
            let vma = vma.as_ptr();
            bindings::vm_flags_set(vma, flags::PFNMAP);
            (*vma).vm_page_prot = bindings::pgprot_noncached((*vma).vm_page_prot);
            (*vma).vm_private_data = mapping.into_foreign();
            (*vma).vm_ops = &VmOps::<T>::VM_OPS;
        }
        Ok(())
    }
}

impl Deref for CacheInhibitedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

/// The data shared by the VMAs of a mapping. The fields are dropped in this order.
struct Mapping<T> {
    pages: Arc<CacheInhibitedPages>,
    _guard: T,
}

/// The operations of a VMA whose `vm_private_data` owns an `Arc<Mapping<T>>`.
struct VmOps<T>(PhantomData<T>);

impl<T: Send + Sync + 'static> VmOps<T> {
    const VM_OPS: bindings::vm_operations_struct = bindings::vm_operations_struct {
        open: Some(Self::open),
        close: Some(Self::close),
        fault: Some(Self::fault),
        huge_fault: Some(Self::huge_fault),
        access: Some(Self::access),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `vma` must be a copy of a VMA that was set up by [`CacheInhibitedPages::mmap`].
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The copy has the `vm_private_data` of the original VMA, which still owns its
        // reference.
        let mapping = unsafe { Arc::<Mapping<T>>::borrow((*vma).vm_private_data) };

        // Both have the same pointer, and now each of them owns a reference.
        Arc::from(mapping).into_foreign();
    }

    /// # Safety
    ///
    /// `vma` must be a VMA that was set up by [`CacheInhibitedPages::mmap`], or a copy of one, and
    /// about to be freed.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: Each VMA owns a reference, by `mmap()` or `open()`, and is closed once. Its page
        // table entries are gone (`unmap_vmas()` comes before `remove_vma()` in `mm/vma.c`).
        drop(unsafe { Arc::<Mapping<T>>::from_foreign((*vma).vm_private_data) });
    }

    /// Maps the page at the address of the fault, and those around it in the same page table.
    ///
    /// # Safety
    ///
    /// `vmf` must be a fault in a VMA that was set up by [`CacheInhibitedPages::mmap`], or a copy
    /// of one.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: By this function's requirements; the address of a fault is in its VMA.
        let (vma, addr, start, end) = unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let addr = (*vmf).__bindgen_anon_1.address & !(PAGE_SIZE - 1);
            (vma, addr, range.vm_start, range.vm_end)
        };
        let insert = |addr| {
            // SAFETY: `addr` is in `vma`, and `vma` holds a reference to the pages.
            unsafe { bindings::vmf_insert_pfn(vma, addr, Self::pfn(vma, addr)) }
        };

        let result = insert(addr);
        if result == bindings::vm_fault_reason_VM_FAULT_NOPAGE {
            // SAFETY: No requirements.
            let size = PAGE_SIZE << unsafe { bindings::PMD_ORDER() };
            let around = (addr & !(size - 1)).max(start)..((addr | (size - 1)) + 1).min(end);
            for addr in around.step_by(PAGE_SIZE) {
                if insert(addr) != bindings::vm_fault_reason_VM_FAULT_NOPAGE {
                    break;
                }
            }
        }
        result
    }

    /// Maps the `1 << order` pages around the address of the fault with one entry.
    ///
    /// # Safety
    ///
    /// As [`Self::fault`].
    unsafe extern "C" fn huge_fault(
        vmf: *mut bindings::vm_fault,
        order: c_uint,
    ) -> bindings::vm_fault_t {
        let size = PAGE_SIZE << order;
        // SAFETY: By this function's requirements.
        let (vma, addr, start, end) = unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let addr = (*vmf).__bindgen_anon_1.address & !(size - 1);
            (vma, addr, range.vm_start, range.vm_end)
        };
        if addr < start || size > end - addr {
            return bindings::vm_fault_reason_VM_FAULT_FALLBACK;
        }
        // SAFETY: `addr` is in `vma`.
        let pfn = unsafe { Self::pfn(vma, addr) };
        if pfn & ((1 << order) - 1) != 0 {
            return bindings::vm_fault_reason_VM_FAULT_FALLBACK;
        }

        // Only use what the C side supports for pfns: it can neither move nor split a huge PUD
        // (`get_old_pud()` in `mm/mremap.c`, `__split_huge_pud_locked()` in `mm/huge_memory.c`),
        // and fork does not deposit the page table that the hash MMU requires for a huge PMD
        // (`copy_huge_pmd()`).
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        // SAFETY: No requirements.
        if unsafe { bindings::radix_enabled() && order == bindings::PMD_ORDER() } {
            // SAFETY: All pages from `addr` and `pfn` on are in `vma`, which maps pfns, is shared
            // and holds a reference to the pages.
            return unsafe {
                let write = (*vmf).flags & bindings::fault_flag_FAULT_FLAG_WRITE != 0;
                bindings::vmf_insert_pfn_pmd(vmf, pfn, write)
            };
        }
        bindings::vm_fault_reason_VM_FAULT_FALLBACK
    }

    /// Copies to or from the pages for a debugger, which does not map them itself.
    ///
    /// # Safety
    ///
    /// `vma` must have been set up by [`CacheInhibitedPages::mmap`], or be a copy of one that was,
    /// `addr` must be in it, and `buf` must be valid for reads or, if `write` is 0, writes of `len`
    /// bytes.
    unsafe extern "C" fn access(
        vma: *mut bindings::vm_area_struct,
        addr: usize,
        buf: *mut c_void,
        len: c_int,
        write: c_int,
    ) -> c_int {
        // SAFETY: By this function's requirements, which `__access_remote_vm()` in `mm/memory.c`
        // meets: it looks up `vma` by `addr`, and holds the mmap lock. The offset in the pages is
        // that of the pfn plus that of the byte in its page.
        let (kernel_addr, left, may_write) = unsafe {
            let mapping = Arc::<Mapping<T>>::borrow((*vma).vm_private_data);
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let offset = ((Self::pfn(vma, addr) - mapping.pages.start_pfn()) << PAGE_SHIFT)
                + (addr & (PAGE_SIZE - 1));

            (
                mapping.pages.0.addr.as_ptr().byte_add(offset),
                range.vm_end - addr,
                (*vma).__bindgen_anon_2.vm_flags & flags::WRITE != 0,
            )
        };
        let len = usize::min(len as usize, left);

        if write == 0 {
            // SAFETY: `len` bytes are left in the VMA, and the pages that it maps are mapped in the
            // kernel as well, by the type invariant of `CacheInhibitedPages`.
            unsafe { bindings::memcpy_fromio(buf, kernel_addr, len) };
        } else if may_write {
            // SAFETY: As above.
            unsafe { bindings::memcpy_toio(kernel_addr, buf, len) };
        } else {
            return EACCES.to_errno();
        }
        len as c_int
    }

    /// Returns the pfn that `vma` maps at `addr`.
    ///
    /// # Safety
    ///
    /// `vma` must have been set up by [`CacheInhibitedPages::mmap`], or be a copy of one that was,
    /// and `addr` must be in it.
    unsafe fn pfn(vma: *const bindings::vm_area_struct, addr: usize) -> usize {
        // SAFETY: By this function's requirements, the VMA owns a reference. Its offset was checked
        // when it was set up, and is updated by the C side when a VMA is moved or split.
        unsafe {
            let mapping = Arc::<Mapping<T>>::borrow((*vma).vm_private_data);
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            mapping.pages.start_pfn() + (*vma).vm_pgoff + ((addr - range.vm_start) >> PAGE_SHIFT)
        }
    }
}

#[macros::kunit_tests(rust_mm_cache_inhibited)]
mod tests {
    use super::*;
    use crate::{
        mm::{
            contig::ContigPages,
            unmapped::memory_block_size, //
        },
        numa,
        powerpc::machine_is_powernv,
        sync::atomic::{
            Atomic,
            Relaxed, //
        }, //
    };

    /// Allocates a memory block, if this machine is a suitable one and has one.
    fn some_pages() -> Result<Option<Arc<CacheInhibitedPages>>> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
        let nr_pages = memory_block_size() / PAGE_SIZE;

        if !machine_is_powernv() {
            return Ok(None); // do not change other machines
        }
        let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
        let Ok(pages) = ContigPages::alloc(nr_pages, flags, node) else {
            return Ok(None);
        };
        let pages = pages.zero()?.finish()?.set_offline().unmap()?;
        let pages = pages.ioremap().map_err(|(_, e)| e)?;
        let pages = pages.flush().map_err(|(_, e)| e)?;
        let pages = pages.finish().map_err(|(_, e)| e)?;
        Ok(Some(Arc::new(pages, GFP_KERNEL)?))
    }

    fn write(pages: &CacheInhibitedPages, offset: usize, bytes: &[u8]) {
        // SAFETY: By the type invariant, and because the tests do not write beyond the end.
        unsafe {
            bindings::memcpy_toio(
                pages.0.addr.as_ptr().byte_add(offset),
                bytes.as_ptr().cast(),
                bytes.len(),
            )
        };
    }

    /// Copies up to `len` bytes to a buffer of eight bytes, and returns how many were copied and
    /// the buffer. The bytes of the buffer that were not copied to are `.`.
    fn read(pages: &CacheInhibitedPages, offset: usize, len: usize) -> (usize, [u8; 8]) {
        let mut buffer = *b"........";
        let kvec = bindings::kvec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut iter = bindings::iov_iter::default();

        // SAFETY: `kvec`, `iter` and the buffer are valid until the end of this function, and
        // nobody else uses the buffer.
        let copied = unsafe {
            bindings::iov_iter_kvec(
                &raw mut iter,
                bindings::ITER_DEST,
                &raw const kvec,
                1,
                buffer.len(),
            );
            pages.copy_to_iter(offset, len, IovIterDest::from_raw(&raw mut iter))
        };
        (copied, buffer)
    }

    #[test]
    fn what_is_there_is_copied_and_nothing_beyond_the_end() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let size = pages.size();
        assert_eq!(size, memory_block_size());
        assert_eq!(read(&pages, 0, 8), (8, [0; 8]));
        assert_eq!(read(&pages, size - 8, 8), (8, [0; 8]));

        write(&pages, 0, b"abcdefgh");
        write(&pages, size - 8, b"stuvwxyz");
        assert_eq!(read(&pages, 0, 8), (8, *b"abcdefgh"));
        assert_eq!(read(&pages, 3, 4), (4, *b"defg...."));
        assert_eq!(read(&pages, 1, 100), (8, *b"bcdefgh\0"));
        assert_eq!(read(&pages, size - 8, 8), (8, *b"stuvwxyz"));

        assert_eq!(read(&pages, size - 3, 8), (3, *b"xyz....."));
        assert_eq!(read(&pages, size - 1, usize::MAX), (1, *b"z......."));
        for (offset, len) in [
            (0, 0),
            (size, 0),
            (size, 8),
            (size + 1, 8),
            (usize::MAX, 1),
            (usize::MAX, usize::MAX),
        ] {
            assert_eq!(read(&pages, offset, len), (0, *b"........"));
        }
        Ok(())
    }

    #[test]
    fn last_user_gets_the_pages_back() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let range = **pages;
        let user = pages.clone();

        assert!(CacheInhibitedPages::iounmap(pages).is_none());
        assert_eq!(read(&user, 0, 8), (8, [0; 8]));
        let unmapped = CacheInhibitedPages::iounmap(user).ok_or(EINVAL)?;
        assert_eq!(*unmapped, range);
        Ok(())
    }

    /// A VMA that is being set up, in an address space of its own that is locked.
    struct NewVma {
        mm: *mut bindings::mm_struct,
        vma: *mut bindings::vm_area_struct,
    }

    const VM_FLAGS: usize = flags::SHARED
        | flags::MAYSHARE
        | flags::READ
        | flags::MAYREAD
        | flags::WRITE
        | flags::MAYWRITE
        | flags::MAYEXEC;

    impl NewVma {
        /// Creates a VMA for `nr_pages` pages, starting at page `pgoff`.
        fn new(pgoff: usize, nr_pages: usize, vm_flags: usize) -> Result<Self> {
            // SAFETY: No requirements.
            let mm = unsafe { bindings::mm_alloc() };
            if mm.is_null() {
                return Err(ENOMEM);
            }
            // SAFETY: `mm` was just allocated, and `drop` undoes this.
            let vma = unsafe {
                bindings::down_write(&raw mut (*mm).__bindgen_anon_1.mmap_lock);
                bindings::vm_area_alloc(mm)
            };
            let this = Self { mm, vma };
            if vma.is_null() {
                return Err(ENOMEM);
            }

            // SAFETY: `vma` was just allocated, and nobody else can access it.
            unsafe {
                let range = &mut (*vma).__bindgen_anon_1.__bindgen_anon_1;
                range.vm_start = memory_block_size();
                range.vm_end = range.vm_start + nr_pages * PAGE_SIZE;
                (*vma).vm_pgoff = pgoff;
                (*vma).__bindgen_anon_2.vm_flags = vm_flags;
                (*vma).vm_page_prot = bindings::vm_get_page_prot(vm_flags);
            }
            Ok(this)
        }

        fn map(&self, pages: &Arc<CacheInhibitedPages>, guard: Guard) -> Result {
            // SAFETY: `self` is being set up for as long as it exists, and each VMA is mapped only
            // once.
            let vma = unsafe { VmaSetup::from_raw(self.vma) };

            CacheInhibitedPages::mmap(pages.clone(), vma, guard)
        }

        fn vm_flags(&self) -> usize {
            // SAFETY: Nobody else changes the flags.
            unsafe { (*self.vma).__bindgen_anon_2.vm_flags }
        }

        fn prot(&self) -> usize {
            // SAFETY: As above.
            unsafe { (*self.vma).vm_page_prot.pgprot }
        }

        /// Does what a fork does. [`Self::close`] does what unmapping does.
        fn open(&self) {
            // SAFETY: `self` was mapped, and serves as its copy as well.
            unsafe { VmOps::<Guard>::open(self.vma) };
        }

        fn close(&self) {
            // SAFETY: `self` was mapped or opened, and has not been closed since.
            unsafe { VmOps::<Guard>::close(self.vma) };
        }
    }

    impl Drop for NewVma {
        fn drop(&mut self) {
            // SAFETY: Pairs with the calls in `new()`. The VMA is in no address space.
            unsafe {
                if !self.vma.is_null() {
                    bindings::vm_area_free(self.vma);
                }
                bindings::up_write(&raw mut (*self.mm).__bindgen_anon_1.mmap_lock);
                bindings::mmput(self.mm);
            }
        }
    }

    static NR_GUARDS: Atomic<usize> = Atomic::new(0);

    struct Guard;

    impl Guard {
        fn new() -> Self {
            NR_GUARDS.fetch_add(1, Relaxed);
            Self
        }
    }

    impl Drop for Guard {
        fn drop(&mut self) {
            NR_GUARDS.fetch_sub(1, Relaxed);
        }
    }

    #[test]
    fn mapping_is_cache_inhibited_and_keeps_the_pages() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let vma = NewVma::new(1, pages.nr_pages() - 1, VM_FLAGS)?;
        let before = vma.prot();

        vma.map(&pages, Guard::new())?;
        let prot = vma.prot();
        let cache = bindings::_PAGE_TOLERANT as usize; // all cache attribute bits
        assert_eq!(prot & cache, bindings::_PAGE_NON_IDEMPOTENT as usize);
        assert_eq!(prot & !cache, before & !cache);
        assert_eq!(
            vma.vm_flags(),
            VM_FLAGS & !flags::MAYEXEC
                | flags::IO
                | flags::PFNMAP
                | flags::DONTEXPAND
                | flags::DONTDUMP
        );

        vma.open();
        vma.close();
        assert_eq!(NR_GUARDS.load(Relaxed), 1);
        assert!(CacheInhibitedPages::iounmap(pages.clone()).is_none());
        vma.close();
        assert_eq!(NR_GUARDS.load(Relaxed), 0);
        assert!(CacheInhibitedPages::iounmap(pages).is_some());
        Ok(())
    }

    #[test]
    fn mapping_that_is_refused_keeps_nothing() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let nr_pages = pages.nr_pages();

        for (pgoff, nr_pages, vm_flags) in [
            (0, nr_pages + 1, VM_FLAGS),
            (1, nr_pages, VM_FLAGS),
            (nr_pages, 1, VM_FLAGS),
            (usize::MAX, 1, VM_FLAGS),
            (0, nr_pages, VM_FLAGS & !flags::SHARED & !flags::MAYSHARE),
            (0, nr_pages, VM_FLAGS | flags::EXEC),
        ] {
            let vma = NewVma::new(pgoff, nr_pages, vm_flags)?;

            assert!(vma.map(&pages, Guard::new()) == Err(EINVAL));
            assert_eq!(NR_GUARDS.load(Relaxed), 0);
        }
        assert!(CacheInhibitedPages::iounmap(pages).is_some());
        Ok(())
    }
}
