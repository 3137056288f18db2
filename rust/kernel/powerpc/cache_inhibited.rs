// SPDX-License-Identifier: GPL-2.0

//! Pages that are only mapped cache-inhibited.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    alloc::NumaNode,
    bindings,
    iov::IovIterDest,
    mm::{
        contig::PfnRange,
        pfnmap::{
            Pfnmap,
            PfnmapDesc, //
        }, //
    },
    page::PAGE_SHIFT,
    powerpc::{
        chunks::{
            ChunkWork,
            Work,
            CHUNK_PAGES, //
        },
        unmapped::UnmappedPages, //
    },
    prelude::*,
    sync::Arc, //
};
use core::{
    ops::{
        Deref,
        Range, //
    },
    ptr::NonNull, //
};

/// Contiguous pages, outside the linear mapping, that are mapped cache-inhibited into the kernel.
///
/// Their cache lines may still be in a data cache, from the time when the pages were in the linear
/// mapping.
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
///     mm::contig::ContigPages,
///     numa,
///     page::PAGE_SIZE,
///     powerpc::{
///         cache_inhibited::CacheInhibitedPages,
///         machine_is_powernv,
///         unmapped::memory_block_size, //
///     },
///     sync::Arc, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
///
/// if !machine_is_powernv() {
///     return Ok(()); // only tested on PowerNV
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

// SAFETY: There is no Rust reference to what is in the pages. It is only accessed as I/O memory,
// from and to which anybody may copy at any time, as the hardware and processes do.
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
    /// pages are in the linear mapping is not enough: a prefetch through this mapping may bring
    /// back any line. Instruction caches are not flushed: no instructions are fetched from the
    /// pages, and lines of instruction caches are never written back.
    ///
    /// `dcbf` has the same effect whether or not its address is caching inhibited (Book II, "Cache
    /// Management Instructions"). It affects the caches of all CPUs if the address is "memory
    /// coherence required". With the radix MMU, this is always the case. With the hash MMU, Linux
    /// does not set it for caching inhibited pages (`htab_convert_pte_flags()` in
    /// `arch/powerpc/mm/book3s64/hash_utils.c`), and the ISA only guarantees an effect on the cache
    /// of the CPU that flushes. With the hash MMU, dirty lines have therefore been flushed through
    /// the linear mapping by [`ContigPages::zero`](crate::mm::contig::ContigPages::zero). Whether
    /// clean lines stay in the caches of other CPUs is up to the processor.
    ///
    /// No flush is needed when the pages are added to the linear mapping again: caching inhibited
    /// accesses leave no line in any cache. The old mapping is no longer accessed: `iounmap()` may
    /// leave its translations until later, but since the mapping is guarded, no CPU accesses it
    /// speculatively. Stores through it have completed: those of a process when the process
    /// unmapped it, those of the kernel in `memcpy_toio()`. Hardware that writes to the pages must
    /// have been stopped.
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

    /// Returns the state of a mapping of the pages by a process. It holds `this` and `guard`, and
    /// drops `this` first.
    pub fn mapping<T: Send + Sync + 'static>(
        this: Arc<Self>,
        guard: T,
    ) -> CacheInhibitedMapping<T> {
        CacheInhibitedMapping {
            pages: this,
            _guard: guard,
        }
    }
}

impl Deref for CacheInhibitedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

/// A mapping of [`CacheInhibitedPages`] by a process. The fields are dropped in this order.
pub struct CacheInhibitedMapping<T> {
    pages: Arc<CacheInhibitedPages>,
    _guard: T,
}

// SAFETY: The pages are always the same, and owned by `self`. They are mapped cache-inhibited, as
// they must be, since `prepare()` asks for that.
unsafe impl<T: Send + Sync + 'static> Pfnmap for CacheInhibitedMapping<T> {
    fn prepare(vma: &mut PfnmapDesc<'_>) -> Result {
        vma.try_clear_mayexec()?;
        vma.set_noncached();
        Ok(())
    }

    fn pfns(&self) -> Range<usize> {
        let start = self.pages.start_pfn();

        start..start + self.pages.nr_pages()
    }

    unsafe fn read(&self, offset: usize, to: *mut c_void, len: usize) {
        // SAFETY: By this function's requirements, and the type invariant of `IoremappedPages`, by
        // which all of the pages are mapped.
        unsafe { bindings::memcpy_fromio(to, self.pages.0.addr.as_ptr().byte_add(offset), len) };
    }

    unsafe fn write(&self, offset: usize, from: *const c_void, len: usize) {
        // SAFETY: As in `read()`.
        unsafe { bindings::memcpy_toio(self.pages.0.addr.as_ptr().byte_add(offset), from, len) };
    }
}

#[macros::kunit_tests(rust_powerpc_cache_inhibited)]
mod tests {
    use super::*;
    use crate::{
        mm::{
            contig::ContigPages,
            pfnmap::tests::{
                NewVma,
                Source,
                VM_FLAGS, //
            },
            virt::flags, //
        },
        numa,
        page::PAGE_SIZE,
        powerpc::{
            machine_is_powernv,
            unmapped::memory_block_size, //
        },
        sync::atomic::{
            Atomic,
            Relaxed, //
        }, //
    };

    /// Allocates a memory block, if the machine is suitable and has a free one.
    fn some_pages() -> Result<Option<Arc<CacheInhibitedPages>>> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
        let nr_pages = memory_block_size() / PAGE_SIZE;

        if !machine_is_powernv() {
            return Ok(None); // only tested on PowerNV
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

    static NR_GUARDS: Atomic<usize> = Atomic::new(0);

    pub(crate) struct Guard;

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

    impl Source for Arc<CacheInhibitedPages> {
        type Mapping = CacheInhibitedMapping<Guard>;

        fn nr_pages(&self) -> usize {
            PfnRange::nr_pages(self)
        }

        fn mapping(&self) -> Result<Self::Mapping> {
            Ok(CacheInhibitedPages::mapping(self.clone(), Guard::new()))
        }
    }

    #[test]
    fn mapping_is_cache_inhibited_and_keeps_the_pages() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let vma = NewVma::new(1, PfnRange::nr_pages(&pages) - 1, VM_FLAGS)?;
        let before = vma.prot().pgprot;

        vma.map(&pages)?;
        let prot = vma.prot().pgprot;
        let cache = bindings::_PAGE_TOLERANT as usize; // all cache attribute bits
        assert_eq!(prot & cache, bindings::_PAGE_NON_IDEMPOTENT as usize);
        assert_eq!(prot & !cache, before & !cache);
        assert_eq!(vma.vm_flags() & flags::MAYEXEC, 0);

        vma.open();
        vma.close();
        assert_eq!(NR_GUARDS.load(Relaxed), 1);
        assert!(CacheInhibitedPages::iounmap(pages.clone()).is_none());
        vma.close();
        assert_eq!(NR_GUARDS.load(Relaxed), 0);
        assert!(CacheInhibitedPages::iounmap(pages).is_some());
        Ok(())
    }

    static NR_LAST: Atomic<usize> = Atomic::new(0);

    /// A guard that counts whether it is the last user of the pages when it is dropped.
    struct LastUser(Option<Arc<CacheInhibitedPages>>);

    impl Drop for LastUser {
        fn drop(&mut self) {
            if let Some(pages) = self.0.take() {
                NR_LAST.fetch_add(CacheInhibitedPages::iounmap(pages).iter().count(), Relaxed);
            }
        }
    }

    #[test]
    fn guard_is_dropped_after_the_pages() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let guard = LastUser(Some(pages.clone()));

        NR_LAST.store(0, Relaxed);
        drop(CacheInhibitedPages::mapping(pages, guard));
        assert_eq!(NR_LAST.load(Relaxed), 1);
        Ok(())
    }

    #[test]
    fn mapping_that_is_refused_keeps_nothing() -> Result {
        let Some(pages) = some_pages()? else {
            return Ok(());
        };
        let nr_pages = PfnRange::nr_pages(&pages);

        for (pgoff, nr_pages, vm_flags) in [
            (0, nr_pages + 1, VM_FLAGS),
            (1, nr_pages, VM_FLAGS),
            (0, nr_pages, VM_FLAGS | flags::EXEC),
        ] {
            let vma = NewVma::new(pgoff, nr_pages, vm_flags)?;

            assert!(vma.map(&pages) == Err(EINVAL));
            assert_eq!(NR_GUARDS.load(Relaxed), 0);
        }
        assert!(CacheInhibitedPages::iounmap(pages).is_some());
        Ok(())
    }
}
