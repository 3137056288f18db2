// SPDX-License-Identifier: GPL-2.0

//! Pages that are accessed cache-inhibited only.
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
            VmaUnclaimed, //
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
/// Lines of them may still be in a data cache, from when they were in the linear mapping.
///
/// Dropping them gives them back, as it does with [`UnmappedPages`].
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

// SAFETY: The mapping at `addr` is the kernel's and the same for all tasks.
unsafe impl Send for IoremappedPages {}

/// Pages of which each line is being flushed, by workers on the CPUs of their node.
///
/// Dropping this ends the work and gives the pages back. It waits for what each worker has just
/// begun.
pub struct FlushingPages(ChunkWork<IoremappedPages, Flush>);

/// Contiguous pages, outside the linear mapping, that the kernel and processes access
/// cache-inhibited.
///
/// Hardware may write to them at any time, so their content is only ever copied out. Every mapping
/// of a process holds a reference: the pages cannot be freed before the last one is gone.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::{
///         contig::ContigPages,
///         uncached::UncachedPages,
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
///     return Ok(()); // leaves other machines as they are
/// }
/// if let Ok(pages) = ContigPages::alloc(memory_block_size() / PAGE_SIZE, flags, node) {
///     let pages = pages.clear()?.finish()?.set_offline().unmap()?;
///     let pages = pages.ioremap().map_err(|(_unmapped, e)| e)?;
///     let pages = pages.flush().map_err(|(_unmapped, e)| e)?;
///     let pages = pages.finish().map_err(|(_unmapped, e)| e)?;
///     let pages = Arc::new(pages, GFP_KERNEL)?;
///
///     // With another user around the pages stay, and with the last one they go.
///     let user = pages.clone();
///     assert!(UncachedPages::iounmap(pages).is_none());
///     assert!(UncachedPages::iounmap(user).is_some());
/// }
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Each line was flushed after the pages had left the linear mapping. As no other mapping lets a
/// line into a data cache, none is in one (with the hash MMU as far as [`IoremappedPages::flush`]
/// says).
pub struct UncachedPages(IoremappedPages);

// SAFETY: Through a shared reference the pages are only copied from, which may race with the
// hardware that writes to them anyhow.
unsafe impl Sync for UncachedPages {}

impl UnmappedPages {
    /// Maps the pages cache-inhibited into the kernel.
    ///
    /// Stands on `ioremap()` in `arch/powerpc/mm/ioremap.c`.
    ///
    /// # Errors
    ///
    /// `self` and [`ENOMEM`] if there is no memory or address space for the mapping.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn ioremap(self) -> Result<IoremappedPages, (Self, Error)> {
        // SAFETY: The pages are owned and have no cacheable mapping, being out of the linear one.
        let addr = unsafe { bindings::ioremap(self.start(), self.size()) };

        match NonNull::new(addr) {
            // INVARIANT: `ioremap()` has just mapped all of `self`.
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
    /// Begins to write back and invalidate each line of the pages, in the data caches of all CPUs.
    ///
    /// This is the order that the Power ISA asks for when a page becomes caching inhibited (Book
    /// III, "Altering the Storage Control Bits"): first there is nothing but a caching inhibited
    /// mapping, then comes a `dcbf` of each line, and only then any other access. A flush while the
    /// linear mapping is there proves nothing: a prefetch through that may bring back any line.
    /// Instruction caches are left alone: nothing is fetched from here, and what is in them is
    /// never written back.
    ///
    /// `dcbf` does the same whether or not its address is caching inhibited (Book II, "Cache
    /// Management Instructions"). It reaches the caches of all CPUs if that is "memory coherence
    /// required". With the radix MMU it always is. With the hash MMU a caching inhibited page of
    /// Linux is not (`htab_convert_pte_flags()` in `arch/powerpc/mm/book3s64/hash_utils.c`), and
    /// what the ISA promises is the cache of the CPU that flushes. Therefore dirty lines were
    /// flushed through the linear mapping there, by
    /// [`ContigPages::clear`](super::contig::ContigPages::clear), and that no clean one is left in
    /// the cache of another CPU is up to the processor.
    ///
    /// Nothing like it is needed when the pages go back to the linear mapping: what is caching
    /// inhibited leaves no line in any cache. Nobody accesses the old mapping any more, and as it
    /// is guarded no CPU does so by itself, although `iounmap()` may leave its translations until
    /// later. Stores through it have been waited for: those of processes when they were unmapped,
    /// those of the kernel by `memcpy_toio()`. Hardware that writes to the pages must have been
    /// stopped.
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

        ChunkWork::begin(self, node, CHUNK_PAGES, flush)
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
        // SAFETY: By the type invariant `addr` comes from `ioremap()`, and nobody can use it any
        // more. This is before the pages, if they are still here, are dropped.
        unsafe { bindings::iounmap(self.addr.as_ptr()) };
    }
}

/// Flushes chunks of pages that are mapped from `addr`, and pfn `start_pfn`, on.
struct Flush {
    addr: usize,
    start_pfn: usize,
}

impl Work for Flush {
    fn run(&self, pfns: Range<usize>) {
        let start = self.addr + ((pfns.start - self.start_pfn) << PAGE_SHIFT);

        // SAFETY: As long as somebody is at a chunk of the work it has the `IoremappedPages`, so
        // that by their type invariant each line of the chunk is mapped. That it is written back
        // and invalidated does not change what is in memory.
        unsafe { bindings::flush_dcache_range(start, start + (pfns.len() << PAGE_SHIFT)) };
    }
}

impl FlushingPages {
    /// Helps until all is done.
    ///
    /// # Errors
    ///
    /// The pages and [`EINTR`] if the current task got a fatal signal.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn finish(self) -> Result<UncachedPages, (Option<UnmappedPages>, Error)> {
        // INVARIANT: Each chunk was flushed, through a mapping that these are the only owner of,
        // and the `sync` after it was waited for.
        self.0
            .finish()
            .map(UncachedPages)
            .map_err(|(pages, e)| (pages.and_then(IoremappedPages::iounmap), e))
    }
}

impl UncachedPages {
    /// Undoes [`UnmappedPages::ioremap`].
    ///
    /// Returns [`None`] if `this` was not the last reference. The pages then go back to the page
    /// allocator when the last one is dropped.
    ///
    /// # Context
    ///
    /// May sleep.
    pub fn iounmap(this: Arc<Self>) -> Option<UnmappedPages> {
        let mut this = Pin::into_inner(Arc::into_unique_or_drop(this)?);

        this.0.pages.take()
    }

    /// Copies up to `len` bytes, from `offset` (in bytes) on, to `iter`.
    ///
    /// Returns how many bytes were copied. They are fewer than `len` if the pages or `iter` end
    /// before, or if user memory behind `iter` could not be written.
    #[inline]
    pub fn copy_to_iter(&self, offset: usize, len: usize, iter: &mut IovIterDest<'_>) -> usize {
        let len = usize::min(len, self.size().saturating_sub(offset));
        if len == 0 {
            return 0;
        }

        // SAFETY: By the type invariant `len` bytes from `offset` on are mapped, and `iter` is a
        // valid iterator to copy to.
        unsafe {
            let from = self.0.addr.as_ptr().byte_add(offset);
            bindings::_copy_to_iter(from, len, iter.as_raw())
        }
    }

    /// Lets `vma` map the part of the pages that it asks for into a process, cache-inhibited.
    /// Nobody else can decide about it any more.
    ///
    /// The pages are mapped when they are first accessed, with as large page table entries as the
    /// MMU has and the alignment allows.
    ///
    /// The mapping holds `this` and `guard` until it and all of its copies (by `fork()`, a split
    /// or `mremap()`) are gone. Then it drops `this` first.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the mapping reaches beyond the pages, is private (it would lose what is
    /// written to it, and what the hardware writes), or is executable. [`ENOMEM`] if there is no
    /// memory to keep track of it.
    ///
    /// # Context
    ///
    /// In an `mmap()` hook, as `vma` says. May sleep.
    pub fn mmap<T: Send + Sync + 'static>(
        this: Arc<Self>,
        vma: VmaUnclaimed<'_>,
        guard: T,
    ) -> Result {
        let mapping = Mapping {
            pages: this,
            _guard: guard,
        };
        let vma = vma.claim();
        let nr_pages = (vma.end() - vma.start()) >> PAGE_SHIFT;
        // SAFETY: `vma` is valid, and under construction by this task.
        let pgoff = unsafe { (*vma.as_ptr()).vm_pgoff };

        let all_pages = mapping.pages.nr_pages();
        if pgoff >= all_pages || nr_pages > all_pages - pgoff {
            return Err(EINVAL);
        }
        // The kernel clears `VM_SHARED`, but not this, for a file that is open for reading only.
        if vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;

        let mapping = Arc::new(mapping, GFP_KERNEL)?;
        vma.set_io();
        vma.set_dontexpand();
        vma.set_dontdump();
        // SAFETY: `vma` is under construction by this task, and was claimed here, so nobody else
        // uses its fields or sets `VM_MIXEDMAP`. It is shared, as a mapping of pfns must be for
        // `vmf_insert_pfn()` and the like, and `VmOps<T>` takes `vm_private_data` for what is put
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

impl Deref for UncachedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

/// What the VMAs of a mapping hold together. The fields are dropped in this order.
struct Mapping<T> {
    pages: Arc<UncachedPages>,
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
    /// `vma` must be a copy of a VMA that was set up by [`UncachedPages::mmap`].
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The copy has the `vm_private_data` of the VMA that it was made from, which still
        // owns its reference.
        let mapping = unsafe { Arc::<Mapping<T>>::borrow((*vma).vm_private_data) };

        // The pointer stays the same, and is now owned by both.
        Arc::from(mapping).into_foreign();
    }

    /// # Safety
    ///
    /// `vma` must be a VMA that was set up by [`UncachedPages::mmap`], or a copy of one, and about
    /// to be freed.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: Each VMA owns a reference, by `mmap()` or `open()`, and is closed once. Its page
        // table entries are gone (`unmap_vmas()` comes before `remove_vma()` in `mm/vma.c`).
        drop(unsafe { Arc::<Mapping<T>>::from_foreign((*vma).vm_private_data) });
    }

    /// Maps the page at the address of the fault, and those around it in the same page table.
    ///
    /// # Safety
    ///
    /// `vmf` must be a fault in a VMA that was set up by [`UncachedPages::mmap`], or a copy of one.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: By this function's requirements; the address of a fault is in its VMA.
        let (vma, addr, start, end) = unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let addr = (*vmf).__bindgen_anon_1.address & !(PAGE_SIZE - 1);
            (vma, addr, range.vm_start, range.vm_end)
        };
        let insert = |addr| {
            // SAFETY: `addr` is in `vma`, and `vma` keeps the page.
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

        // Only what the C side gets right for pfns: it can neither move nor split a huge PUD
        // (`get_old_pud()` in `mm/mremap.c`, `__split_huge_pud_locked()` in `mm/huge_memory.c`),
        // and a fork leaves a huge PMD without the page table that the hash MMU needs behind it
        // (`copy_huge_pmd()`).
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        // SAFETY: No requirements.
        if unsafe { bindings::radix_enabled() && order == bindings::PMD_ORDER() } {
            // SAFETY: All pages from `addr` and `pfn` on are in `vma`, which maps pfns, is shared
            // and keeps the pages.
            return unsafe {
                let write = (*vmf).flags & bindings::fault_flag_FAULT_FLAG_WRITE != 0;
                bindings::vmf_insert_pfn_pmd(vmf, pfn, write)
            };
        }
        bindings::vm_fault_reason_VM_FAULT_FALLBACK
    }

    /// Copies to or from the pages for a debugger, whose own page tables do not have them.
    ///
    /// # Safety
    ///
    /// `vma` must have been set up by [`UncachedPages::mmap`], or be a copy of one that was, `addr`
    /// must be in it, and `buf` must have `len` bytes to read or, if `write` is 0, to write.
    unsafe extern "C" fn access(
        vma: *mut bindings::vm_area_struct,
        addr: usize,
        buf: *mut c_void,
        len: c_int,
        write: c_int,
    ) -> c_int {
        // SAFETY: By this function's requirements, which `__access_remote_vm()` in `mm/memory.c`
        // meets: it looks `vma` up by `addr`, and holds the lock of the address space. The offset
        // in the pages is that of the pfn, and of the byte in its page.
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
            // SAFETY: `len` bytes are left in the VMA, which maps pages that are mapped in the
            // kernel as well, by the type invariant of `UncachedPages`.
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
    /// `vma` must have been set up by [`UncachedPages::mmap`], or be a copy of one that was, and
    /// `addr` must be in it.
    unsafe fn pfn(vma: *const bindings::vm_area_struct, addr: usize) -> usize {
        // SAFETY: By this function's requirements, the VMA owns a reference. Its offset was checked
        // when it was set up, and is kept up to date by the C side when a VMA is moved or split.
        unsafe {
            let mapping = Arc::<Mapping<T>>::borrow((*vma).vm_private_data);
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            mapping.pages.start_pfn() + (*vma).vm_pgoff + ((addr - range.vm_start) >> PAGE_SHIFT)
        }
    }
}

#[macros::kunit_tests(rust_mm_uncached)]
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

    /// Takes a memory block, if this is a machine to do so, and has one.
    fn some_pages() -> Result<Option<Arc<UncachedPages>>> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
        let nr_pages = memory_block_size() / PAGE_SIZE;

        if !machine_is_powernv() {
            return Ok(None); // leaves other machines as they are
        }
        let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
        let Ok(pages) = ContigPages::alloc(nr_pages, flags, node) else {
            return Ok(None);
        };
        let pages = pages.clear()?.finish()?.set_offline().unmap()?;
        let pages = pages.ioremap().map_err(|(_, e)| e)?;
        let pages = pages.flush().map_err(|(_, e)| e)?;
        let pages = pages.finish().map_err(|(_, e)| e)?;
        Ok(Some(Arc::new(pages, GFP_KERNEL)?))
    }

    fn write(pages: &UncachedPages, offset: usize, bytes: &[u8]) {
        // SAFETY: By the type invariant, and the tests write to what there is.
        unsafe {
            bindings::memcpy_toio(
                pages.0.addr.as_ptr().byte_add(offset),
                bytes.as_ptr().cast(),
                bytes.len(),
            )
        };
    }

    /// Copies up to `len` bytes to a buffer of eight, and returns how many they were and the
    /// buffer. What was not copied to is `.` there.
    fn read(pages: &UncachedPages, offset: usize, len: usize) -> (usize, [u8; 8]) {
        let mut buffer = *b"........";
        let kvec = bindings::kvec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let mut iter = bindings::iov_iter::default();

        // SAFETY: `kvec` and `iter` are there until the end of this function, and so is the buffer,
        // which nobody else uses.
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

        assert!(UncachedPages::iounmap(pages).is_none());
        assert_eq!(read(&user, 0, 8), (8, [0; 8]));
        let unmapped = UncachedPages::iounmap(user).ok_or(EINVAL)?;
        assert_eq!(*unmapped, range);
        Ok(())
    }

    /// A VMA under construction, in an address space of its own that is locked.
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
        /// For `nr_pages` from page `pgoff` on.
        fn new(pgoff: usize, nr_pages: usize, vm_flags: usize) -> Result<Self> {
            // SAFETY: No requirements.
            let mm = unsafe { bindings::mm_alloc() };
            if mm.is_null() {
                return Err(ENOMEM);
            }
            // SAFETY: `mm` was just made, and `drop` undoes this.
            let vma = unsafe {
                bindings::down_write(&raw mut (*mm).__bindgen_anon_1.mmap_lock);
                bindings::vm_area_alloc(mm)
            };
            let this = Self { mm, vma };
            if vma.is_null() {
                return Err(ENOMEM);
            }

            // SAFETY: `vma` was just made, and nobody else knows it.
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

        fn map(&self, pages: &Arc<UncachedPages>, guard: Guard) -> Result {
            // SAFETY: `self` is under construction for as long as it exists, and each is mapped
            // once.
            let vma = unsafe { VmaUnclaimed::from_raw(self.vma) };

            UncachedPages::mmap(pages.clone(), vma, guard)
        }

        fn vm_flags(&self) -> usize {
            // SAFETY: Nobody else changes them.
            unsafe { (*self.vma).__bindgen_anon_2.vm_flags }
        }

        fn prot(&self) -> usize {
            // SAFETY: As above.
            unsafe { (*self.vma).vm_page_prot.pgprot }
        }

        /// As a fork does, and unmapping.
        fn open(&self) {
            // SAFETY: `self` was mapped, and stands for its copy as well.
            unsafe { VmOps::<Guard>::open(self.vma) };
        }

        fn close(&self) {
            // SAFETY: `self` was mapped, or opened, and not closed since then.
            unsafe { VmOps::<Guard>::close(self.vma) };
        }
    }

    impl Drop for NewVma {
        fn drop(&mut self) {
            // SAFETY: This pairs with what `new()` did. No address space has the VMA.
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
        let cache = bindings::_PAGE_TOLERANT as usize; // all bits that tell
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
        assert!(UncachedPages::iounmap(pages.clone()).is_none());
        vma.close();
        assert_eq!(NR_GUARDS.load(Relaxed), 0);
        assert!(UncachedPages::iounmap(pages).is_some());
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
        assert!(UncachedPages::iounmap(pages).is_some());
        Ok(())
    }
}
