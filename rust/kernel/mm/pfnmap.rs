// SPDX-License-Identifier: GPL-2.0

//! User mappings of page frames.
//!
//! These are for memory that hardware uses: with `VM_PFNMAP`, the core mm code neither counts
//! references to the mapped pages nor accesses their page descriptors.
//!
//! C header: [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    error::from_result,
    fs::File,
    mm::virt::flags,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::ForeignOwnable, //
};
use core::{
    convert::Infallible,
    marker::PhantomData,
    ops::Range,
    ptr::NonNull, //
};

/// A VMA that is being prepared in an `f_op->mmap_prepare()` hook (`struct vm_area_desc`), for a
/// mapping of page frames.
///
/// It cannot become any other kind of mapping: having both `VM_PFNMAP` and `VM_MIXEDMAP` would be a
/// bug. Drivers can only borrow it.
pub struct PfnmapDesc<'a>(&'a mut bindings::vm_area_desc);

impl PfnmapDesc<'_> {
    fn has(&self, flag: c_uint) -> bool {
        // SAFETY: `self` is valid.
        unsafe { bindings::vma_desc_test(&*self.0, flag as bindings::vma_flag_t) }
    }

    fn set(&mut self, flag: c_uint) {
        // SAFETY: `self` is valid.
        unsafe { bindings::vma_desc_set_flags(&mut *self.0, flag as bindings::vma_flag_t) };
    }

    fn clear(&mut self, flag: c_uint) {
        // SAFETY: `self` is valid.
        unsafe { bindings::vma_desc_clear_flags(&mut *self.0, flag as bindings::vma_flag_t) };
    }

    /// Clears `VM_MAYEXEC`, so that the mapping can never be executed.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the mapping is requested to be executable.
    pub fn try_clear_mayexec(&mut self) -> Result {
        if self.has(bindings::VMA_EXEC_BIT) {
            return Err(EINVAL);
        }
        self.clear(bindings::VMA_MAYEXEC_BIT);
        Ok(())
    }

    /// Makes the mapping uncached (`pgprot_noncached()`).
    pub fn set_noncached(&mut self) {
        // SAFETY: No requirements.
        self.0.page_prot = unsafe { bindings::pgprot_noncached(self.0.page_prot) };
    }
}

/// The state of a user mapping of page frames.
///
/// It is shared by all copies of the mapping (by `fork()`, a split or `mremap()`). When the last of
/// them is gone, it is dropped with the mmap lock held.
///
/// # Safety
///
/// [`Pfnmap::pfns`] must always return the same range, whose size in bytes must fit in a `usize`.
///
/// As long as the value exists, processes may access these page frames in any way that is allowed
/// by a [`PfnmapDesc`] that was prepared by [`Pfnmap::prepare`], and write anything to them at any
/// time. So there must be no Rust reference to their content, and no other mapping with conflicting
/// cache attributes.
pub unsafe trait Pfnmap: Send + Sync + 'static {
    /// Prepares a VMA for such a mapping.
    ///
    /// This must not change any other state, because creating the mapping may still fail.
    fn prepare(vma: &mut PfnmapDesc<'_>) -> Result;

    /// Returns the page frames that the file consists of.
    fn pfns(&self) -> Range<usize>;

    /// Copies `len` bytes, starting at `offset` (in bytes) in [`Pfnmap::pfns`], to `to`.
    ///
    /// Called for a debugger, with the mmap lock of the debugged process held for reading.
    ///
    /// # Safety
    ///
    /// `to` must be valid for writes of `len` bytes. All bytes must be within the page frames.
    unsafe fn read(&self, offset: usize, to: *mut c_void, len: usize);

    /// Copies `len` bytes at `from` to `offset`, like [`Pfnmap::read`].
    ///
    /// # Safety
    ///
    /// `from` must be valid for reads of `len` bytes. All bytes must be within the page frames.
    unsafe fn write(&self, offset: usize, from: *const c_void, len: usize);
}

/// For files that cannot be mapped.
//
// SAFETY: There is no value of this type.
unsafe impl Pfnmap for Infallible {
    fn prepare(_: &mut PfnmapDesc<'_>) -> Result {
        Err(ENODEV)
    }

    fn pfns(&self) -> Range<usize> {
        match *self {}
    }

    unsafe fn read(&self, _: usize, _: *mut c_void, _: usize) {
        match *self {}
    }

    unsafe fn write(&self, _: usize, _: *const c_void, _: usize) {
        match *self {}
    }
}

/// Files that processes can map.
pub trait PfnmapFile: 'static {
    /// The state of each mapping.
    type Mapping: Pfnmap;

    /// Returns the current size of `file` in pages, or an error if it cannot be mapped.
    ///
    /// Called with the mmap lock held for writing. May sleep.
    ///
    /// # Safety
    ///
    /// [`mmap_prepare<Self>`] must have been called for `file`, or be its hook.
    unsafe fn nr_pages(file: &File) -> Result<usize>;

    /// Returns the state of a new mapping of `file`.
    ///
    /// Called with the mmap lock held for writing. May sleep.
    ///
    /// # Safety
    ///
    /// As for [`PfnmapFile::nr_pages`].
    unsafe fn mapping(file: &File) -> Result<Self::Mapping>;
}

/// The `f_op->mmap_prepare()` hook for a file from which page frames are mapped.
///
/// The page frames are mapped when they are first accessed, with page table entries as large as the
/// MMU supports and the alignment allows.
///
/// # Errors
///
/// Those of [`PfnmapFile::nr_pages`] and [`Pfnmap::prepare`]. [`EINVAL`] if the mapping is private
/// (writes to it would be lost, and writes by the hardware might not be visible) or extends beyond
/// the page frames. Even if this succeeds, `mmap()` may fail with an error of
/// [`PfnmapFile::mapping`], or with [`ENOMEM`] if there is no memory to keep track of the mapping.
///
/// # Safety
///
/// `desc` must be the argument with which the hook was called, for a file that `F` describes.
pub unsafe extern "C" fn mmap_prepare<F: PfnmapFile>(desc: *mut bindings::vm_area_desc) -> c_int {
    from_result(|| {
        // SAFETY: By this function's requirements, `desc` is valid, and nobody else uses it.
        let mut vma = PfnmapDesc(unsafe { &mut *desc });

        // `mapped()` gets `vm_file`, which a caller may have replaced.
        if vma.0.file != vma.0.vm_file {
            return Err(EINVAL);
        }
        // SAFETY: By this function's requirements, the file is open, and one of `F`. `mmap()` does
        // not use `fdget_pos()`.
        let nr_pages = unsafe { F::nr_pages(File::from_raw_file(vma.0.file)) }?;
        check_range(vma.0.start..vma.0.end, vma.0.pgoff, nr_pages)?;
        F::Mapping::prepare(&mut vma)?;
        // For a file that is open read-only, the kernel clears `VM_SHARED`, but not `VM_MAYSHARE`.
        if !vma.has(bindings::VMA_MAYSHARE_BIT) || vma.has(bindings::VMA_MIXEDMAP_BIT) {
            return Err(EINVAL);
        }
        // As `remap_pfn_range()` does. The mapping cannot grow beyond the range checked above.
        for flag in [
            bindings::VMA_IO_BIT,
            bindings::VMA_PFNMAP_BIT,
            bindings::VMA_DONTEXPAND_BIT,
            bindings::VMA_DONTDUMP_BIT,
        ] {
            vma.set(flag);
        }
        vma.0.vm_ops = &VmOps::<F>::VM_OPS;
        vma.0.private_data = core::ptr::null_mut();
        Ok(0)
    })
}

/// Fails with [`EINVAL`] if a mapping at the addresses `range`, starting at page `pgoff`, extends
/// beyond `nr_pages` pages.
fn check_range(range: Range<usize>, pgoff: usize, nr_pages: usize) -> Result {
    if pgoff >= nr_pages || range.len() >> PAGE_SHIFT > nr_pages - pgoff {
        return Err(EINVAL);
    }
    Ok(())
}

/// The operations of a VMA that [`mmap_prepare`] has prepared.
///
/// The `vm_private_data` of the VMA is NULL until [`Self::mapped`] has succeeded. Then it owns an
/// `Arc<F::Mapping>`, and the VMA is within the page frames of that mapping.
struct VmOps<F>(PhantomData<F>);

impl<F: PfnmapFile> VmOps<F> {
    const VM_OPS: bindings::vm_operations_struct = bindings::vm_operations_struct {
        mapped: Some(Self::mapped),
        open: Some(Self::open),
        close: Some(Self::close),
        fault: Some(Self::fault),
        huge_fault: Some(Self::huge_fault),
        access: Some(Self::access),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// A VMA with these operations must just have been mapped, with these addresses and offset,
    /// from `file`. `private_data` must point to a copy of its `vm_private_data`, which is stored
    /// if this succeeds.
    unsafe extern "C" fn mapped(
        start: usize,
        end: usize,
        pgoff: usize,
        file: *const bindings::file,
        private_data: *mut *mut c_void,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The file of the VMA is open, and the one that [`mmap_prepare`] was called
            // for, since that function has compared the two.
            let mapping = unsafe { F::mapping(File::from_raw_file(file)) }?;

            check_range(start..end, pgoff, mapping.pfns().len())?;
            let mapping = Arc::new(mapping, GFP_KERNEL)?;
            // SAFETY: By this function's requirements.
            unsafe { *private_data = mapping.into_foreign() };
            Ok(0)
        })
    }

    /// Returns the state of `vma`, or [`None`] if [`Self::mapped`] has failed and the VMA could not
    /// be removed either (`mmap_action_finish()` in `mm/util.c` ignores that).
    ///
    /// # Safety
    ///
    /// `vma` must be a VMA with these operations, and stay valid for `'a`.
    unsafe fn mapping<'a>(
        vma: *const bindings::vm_area_struct,
    ) -> Option<ArcBorrow<'a, F::Mapping>> {
        // SAFETY: By this function's requirements.
        let data = NonNull::new(unsafe { (*vma).vm_private_data })?;

        // SAFETY: It owns a reference, by `mapped()` or `open()`.
        Some(unsafe { Arc::<F::Mapping>::borrow(data.as_ptr()) })
    }

    /// # Safety
    ///
    /// `vma` must be a copy of a VMA with these operations.
    unsafe extern "C" fn open(vma: *mut bindings::vm_area_struct) {
        // SAFETY: The copy has the `vm_private_data` of the original VMA, which still owns its
        // reference.
        if let Some(mapping) = unsafe { Self::mapping(vma) } {
            // Both have the same pointer, and now each of them owns a reference.
            Arc::from(mapping).into_foreign();
        }
    }

    /// # Safety
    ///
    /// `vma` must be a VMA with these operations that is about to be freed.
    unsafe extern "C" fn close(vma: *mut bindings::vm_area_struct) {
        // SAFETY: Each VMA owns a reference, by `mapped()` or `open()`, or has NULL. It is closed
        // once. There are no page table entries: either they were removed before (`unmap_vmas()`),
        // or there never were any.
        drop(unsafe { Arc::<F::Mapping>::try_from_foreign((*vma).vm_private_data) });
    }

    /// Maps the page at the address of the fault, and those around it in the same page table.
    ///
    /// # Safety
    ///
    /// `vmf` must be a fault in a VMA with these operations.
    unsafe extern "C" fn fault(vmf: *mut bindings::vm_fault) -> bindings::vm_fault_t {
        // SAFETY: By this function's requirements; the address of a fault is in its VMA.
        let (vma, addr, start, end) = unsafe {
            let vma = (*vmf).__bindgen_anon_1.vma;
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let addr = (*vmf).__bindgen_anon_1.address & !(PAGE_SIZE - 1);
            (vma, addr, range.vm_start, range.vm_end)
        };
        // SAFETY: By this function's requirements; each VMA has a first page.
        let Some(first_pfn) = (unsafe { Self::pfn(vma, start) }) else {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        };
        let insert = |addr| {
            let pfn = first_pfn + ((addr - start) >> PAGE_SHIFT);
            // SAFETY: `addr` is in `vma`, which maps `pfn` there, and holds the state that keeps it
            // accessible.
            unsafe { bindings::vmf_insert_pfn(vma, addr, pfn) }
        };

        let result = insert(addr);
        if result == bindings::vm_fault_reason_VM_FAULT_NOPAGE {
            // SAFETY: No requirements.
            let size = PAGE_SIZE << unsafe { bindings::pmd_order() };
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
    /// As for [`Self::fault`].
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
        let Some(pfn) = (unsafe { Self::pfn(vma, addr) }) else {
            return bindings::vm_fault_reason_VM_FAULT_SIGBUS;
        };
        if pfn & ((1 << order) - 1) != 0 {
            return bindings::vm_fault_reason_VM_FAULT_FALLBACK;
        }

        // Only use what the C side supports for pfns: it can neither move nor split a huge PUD
        // (`get_old_pud()` in `mm/mremap.c`, `__split_huge_pud_locked()` in `mm/huge_memory.c`),
        // and fork does not deposit the page table that some MMUs, such as the hash MMU of powerpc,
        // require for a huge PMD (`copy_huge_pmd()`).
        #[cfg(CONFIG_ARCH_SUPPORTS_PMD_PFNMAP)]
        // SAFETY: No requirements.
        if unsafe { !bindings::arch_needs_pgtable_deposit() && order == bindings::pmd_order() } {
            // SAFETY: The page frames starting at `addr` and `pfn` are in `vma`, which has
            // `VM_PFNMAP`, is shared, and holds the state that keeps them accessible.
            return unsafe {
                let write = (*vmf).flags & bindings::fault_flag_FAULT_FLAG_WRITE != 0;
                bindings::vmf_insert_pfn_pmd(vmf, pfn, write)
            };
        }
        bindings::vm_fault_reason_VM_FAULT_FALLBACK
    }

    /// Copies to or from the page frames for a debugger, which does not map them itself.
    ///
    /// # Safety
    ///
    /// `vma` must be a VMA with these operations, `addr` must be in it, and `buf` must be valid for
    /// reads or, if `write` is 0, writes of `len` bytes.
    unsafe extern "C" fn access(
        vma: *mut bindings::vm_area_struct,
        addr: usize,
        buf: *mut c_void,
        len: c_int,
        write: c_int,
    ) -> c_int {
        // SAFETY: By this function's requirements, which `__access_remote_vm()` in `mm/memory.c`
        // meets: it looks up `vma` by `addr`, and holds the mmap lock.
        let (mapping, pfn, left, may_write) = unsafe {
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;

            (
                Self::mapping(vma),
                Self::pfn(vma, addr),
                range.vm_end - addr,
                (*vma).__bindgen_anon_2.vm_flags & flags::WRITE != 0,
            )
        };
        let (Some(mapping), Some(pfn)) = (mapping, pfn) else {
            return EIO.to_errno();
        };
        let offset = ((pfn - mapping.pfns().start) << PAGE_SHIFT) + (addr & (PAGE_SIZE - 1));
        let len = usize::min(len as usize, left);

        if write == 0 {
            // SAFETY: `buf` is valid for writes of `len` bytes, and as many are left in the VMA,
            // all of which is within the page frames.
            unsafe { mapping.read(offset, buf, len) };
        } else if may_write {
            // SAFETY: As above, but for reads.
            unsafe { mapping.write(offset, buf, len) };
        } else {
            return EACCES.to_errno();
        }
        len as c_int
    }

    /// Returns the pfn that `vma` maps at `addr`, if it holds a mapping.
    ///
    /// # Safety
    ///
    /// `vma` must be a VMA with these operations, and `addr` must be in it.
    unsafe fn pfn(vma: *const bindings::vm_area_struct, addr: usize) -> Option<usize> {
        // SAFETY: By this function's requirements. `mapped()` has checked the offset, which the C
        // side updates when a VMA is moved or split.
        unsafe {
            let range = &(*vma).__bindgen_anon_1.__bindgen_anon_1;
            let page = (*vma).vm_pgoff + ((addr - range.vm_start) >> PAGE_SHIFT);

            Self::mapping(vma).map(|mapping| mapping.pfns().start + page)
        }
    }
}

#[macros::kunit_tests(rust_mm_pfnmap)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        error::to_result,
        sync::atomic::{
            Atomic,
            Relaxed, //
        }, //
    };

    /// The data behind a [`SourceFile`].
    pub(crate) trait Source: 'static {
        type Mapping: Pfnmap;

        fn nr_pages(&self) -> usize;

        fn mapping(&self) -> Result<Self::Mapping>;
    }

    /// A file that has a pointer to an `S` in its private data.
    struct SourceFile<S>(PhantomData<S>);

    impl<S: Source> SourceFile<S> {
        /// # Safety
        ///
        /// `file` must have been created by [`NewVma::map`].
        unsafe fn source(file: &File) -> &S {
            // SAFETY: By this function's requirements.
            unsafe { &*(*file.as_ptr()).private_data.cast() }
        }
    }

    impl<S: Source> PfnmapFile for SourceFile<S> {
        type Mapping = S::Mapping;

        unsafe fn nr_pages(file: &File) -> Result<usize> {
            // SAFETY: These tests only use files of `NewVma::map()`.
            Ok(unsafe { Self::source(file) }.nr_pages())
        }

        unsafe fn mapping(file: &File) -> Result<S::Mapping> {
            // SAFETY: As above.
            unsafe { Self::source(file) }.mapping()
        }
    }

    /// A VMA that is being set up, in an address space of its own that is locked.
    pub(crate) struct NewVma {
        mm: *mut bindings::mm_struct,
        vma: *mut bindings::vm_area_struct,
    }

    pub(crate) const VM_FLAGS: usize = flags::SHARED
        | flags::MAYSHARE
        | flags::READ
        | flags::MAYREAD
        | flags::WRITE
        | flags::MAYWRITE
        | flags::MAYEXEC;

    const START: usize = 1 << 24;

    impl NewVma {
        /// Creates a VMA for `nr_pages` pages, starting at page `pgoff`.
        pub(crate) fn new(pgoff: usize, nr_pages: usize, vm_flags: usize) -> Result<Self> {
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
                range.vm_start = START;
                range.vm_end = range.vm_start + nr_pages * PAGE_SIZE;
                (*vma).vm_pgoff = pgoff;
                (*vma).__bindgen_anon_2.vm_flags = vm_flags;
                (*vma).vm_page_prot = bindings::vm_get_page_prot(vm_flags);
            }
            Ok(this)
        }

        /// Does what `mmap()` does before and after inserting the VMA. Unlike `mmap()`, this leaves
        /// the VMA in place if `mapped()` fails.
        pub(crate) fn map<S: Source>(&self, source: &S) -> Result {
            let mut file = bindings::file {
                private_data: core::ptr::from_ref(source).cast_mut().cast(),
                ..pin_init::zeroed()
            };
            let mut desc = bindings::vm_area_desc::default();

            // SAFETY: `self` is being set up for as long as it exists, and `file` and `desc` are
            // used by nobody else. The file is one of `SourceFile<S>`.
            unsafe {
                (*self.vma).vm_file = &mut file;
                bindings::compat_set_desc_from_vma(&mut desc, &file, self.vma);
                let result = to_result(mmap_prepare::<SourceFile<S>>(&mut desc))
                    .and_then(|()| to_result(bindings::__compat_vma_mmap(&mut desc, self.vma)));
                (*self.vma).vm_file = core::ptr::null_mut();
                result
            }
        }

        pub(crate) fn vm_flags(&self) -> usize {
            // SAFETY: Nobody else changes the flags.
            unsafe { (*self.vma).__bindgen_anon_2.vm_flags }
        }

        pub(crate) fn prot(&self) -> bindings::pgprot_t {
            // SAFETY: As above.
            unsafe { (*self.vma).vm_page_prot }
        }

        fn ops(&self) -> &'static bindings::vm_operations_struct {
            // SAFETY: The operations were set by `new()`, and perhaps `map()`.
            unsafe { &*(*self.vma).vm_ops }
        }

        /// Does what a fork does. [`Self::close`] does what unmapping does.
        pub(crate) fn open(&self) {
            // SAFETY: The VMA serves as its copy as well.
            unsafe { self.ops().open.unwrap()(self.vma) };
        }

        pub(crate) fn close(&self) {
            // SAFETY: The tests call this once for each call of `map()` and `open()`.
            unsafe { self.ops().close.unwrap()(self.vma) };
        }

        /// Accesses the mapping at `offset` like a debugger, and returns the number of bytes that
        /// were read or written.
        fn access(&self, offset: usize, buf: &mut [u8], write: bool) -> Result<usize> {
            // SAFETY: The address is in the VMA, and `buf` as long as that.
            let result = unsafe {
                self.ops().access.unwrap()(
                    self.vma,
                    START + offset,
                    buf.as_mut_ptr().cast(),
                    buf.len() as c_int,
                    c_int::from(write),
                )
            };
            to_result(result)?;
            Ok(result as usize)
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

    static NR_MAPPINGS: Atomic<usize> = Atomic::new(0);
    static WRITTEN_TO: Atomic<usize> = Atomic::new(0);

    /// A mapping of page frames that nobody accesses.
    struct Mapping(Range<usize>);

    impl Drop for Mapping {
        fn drop(&mut self) {
            NR_MAPPINGS.fetch_sub(1, Relaxed);
        }
    }

    // SAFETY: None of these page frames is ever accessed.
    unsafe impl Pfnmap for Mapping {
        fn prepare(vma: &mut PfnmapDesc<'_>) -> Result {
            vma.set_noncached();
            vma.try_clear_mayexec()
        }

        fn pfns(&self) -> Range<usize> {
            self.0.clone()
        }

        unsafe fn read(&self, offset: usize, to: *mut c_void, len: usize) {
            for i in 0..len {
                // SAFETY: By this function's requirements.
                unsafe { to.cast::<u8>().add(i).write((offset + i) as u8) };
            }
        }

        unsafe fn write(&self, offset: usize, _: *const c_void, len: usize) {
            WRITTEN_TO.store(offset + len, Relaxed);
        }
    }

    /// A file that reports `nr_pages` pages, of which only the range `there` exists.
    struct Frames {
        nr_pages: usize,
        there: Result<Range<usize>>,
    }

    const FRAMES: Frames = Frames {
        nr_pages: 8,
        there: Ok(100..108),
    };

    impl Source for Frames {
        type Mapping = Mapping;

        fn nr_pages(&self) -> usize {
            self.nr_pages
        }

        fn mapping(&self) -> Result<Mapping> {
            let there = self.there.clone()?;

            NR_MAPPINGS.fetch_add(1, Relaxed);
            Ok(Mapping(there))
        }
    }

    fn bytes_of(prot: bindings::pgprot_t) -> [u8; size_of::<bindings::pgprot_t>()] {
        // SAFETY: It is an integer, in a `struct` on some architectures.
        unsafe { core::mem::transmute(prot) }
    }

    #[test]
    fn mapping_is_held_until_its_last_copy_is_gone() -> Result {
        let vma = NewVma::new(1, 7, VM_FLAGS)?;
        // SAFETY: No requirements.
        let noncached = unsafe { bindings::pgprot_noncached(vma.prot()) };

        vma.map(&FRAMES)?;
        assert_eq!(bytes_of(vma.prot()), bytes_of(noncached));
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
        assert_eq!(NR_MAPPINGS.load(Relaxed), 1);
        vma.close();
        assert_eq!(NR_MAPPINGS.load(Relaxed), 0);
        Ok(())
    }

    #[test]
    fn file_that_is_open_for_reading_can_be_mapped() -> Result {
        let vma = NewVma::new(0, 8, flags::MAYSHARE | flags::READ | flags::MAYREAD)?;

        vma.map(&FRAMES)?;
        vma.close();
        Ok(())
    }

    #[test]
    fn mapping_that_is_refused_is_not_made() -> Result {
        for (pgoff, nr_pages, vm_flags) in [
            (0, 9, VM_FLAGS),
            (1, 8, VM_FLAGS),
            (8, 1, VM_FLAGS),
            (usize::MAX, 1, VM_FLAGS),
            (0, 8, VM_FLAGS & !flags::SHARED & !flags::MAYSHARE),
            (0, 8, VM_FLAGS | flags::EXEC),
            (0, 8, VM_FLAGS | flags::MIXEDMAP),
        ] {
            let vma = NewVma::new(pgoff, nr_pages, vm_flags)?;

            assert!(vma.map(&FRAMES) == Err(EINVAL));
            assert_eq!(vma.vm_flags(), vm_flags);
        }
        Ok(())
    }

    #[test]
    fn mapping_that_fails_holds_nothing() -> Result {
        for (frames, error) in [
            // The file has become shorter, or can no longer be mapped at all.
            (
                Frames {
                    nr_pages: 9,
                    ..FRAMES
                },
                EINVAL,
            ),
            (
                Frames {
                    nr_pages: 9,
                    there: Err(EIO),
                },
                EIO,
            ),
        ] {
            let vma = NewVma::new(0, 9, VM_FLAGS)?;

            assert!(vma.map(&frames) == Err(error));
            assert_eq!(NR_MAPPINGS.load(Relaxed), 0);
            // A VMA that could not be removed either remains.
            vma.open();
            assert!(vma.access(0, &mut [0], false) == Err(EIO));
            assert!(vma.access(0, &mut [0], true) == Err(EIO));
            vma.close();
            vma.close();
        }
        Ok(())
    }

    #[test]
    fn debugger_accesses_what_is_mapped() -> Result {
        let mut buf = [0xff; 4];
        let vma = NewVma::new(1, 2, VM_FLAGS)?;
        vma.map(&FRAMES)?;

        assert_eq!(vma.access(3, &mut buf, false)?, 4);
        assert_eq!(buf, [3, 4, 5, 6]);
        assert_eq!(vma.access(2 * PAGE_SIZE - 2, &mut buf, false)?, 2);
        assert_eq!(buf, [0xfe, 0xff, 5, 6]);
        assert_eq!(vma.access(PAGE_SIZE + 8, &mut buf, true)?, 4);
        assert_eq!(WRITTEN_TO.load(Relaxed), 2 * PAGE_SIZE + 12);
        assert_eq!(vma.access(2 * PAGE_SIZE - 1, &mut buf, true)?, 1);
        assert_eq!(WRITTEN_TO.load(Relaxed), 3 * PAGE_SIZE);
        vma.close();
        drop(vma);

        let vma = NewVma::new(1, 2, VM_FLAGS & !flags::WRITE)?;
        vma.map(&FRAMES)?;
        assert_eq!(vma.access(0, &mut buf, false)?, 4);
        assert!(vma.access(0, &mut buf, true) == Err(EACCES));
        assert_eq!(WRITTEN_TO.load(Relaxed), 3 * PAGE_SIZE);
        vma.close();
        Ok(())
    }
}
