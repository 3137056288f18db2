// SPDX-License-Identifier: GPL-2.0

//! Pages that are accessed cache-inhibited only.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    iov::IovIterDest,
    mm::{
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
    ops::Deref,
    ptr::NonNull, //
};

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
/// `addr` is the cache-inhibited mapping of all of `pages`, which is [`Some`] until the pages are
/// taken out by [`UncachedPages::iounmap`].
pub struct UncachedPages {
    addr: NonNull<c_void>,
    range: PfnRange,
    pages: Option<UnmappedPages>,
}

// SAFETY: The mapping at `addr` is the kernel's and the same for all tasks.
unsafe impl Send for UncachedPages {}

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
    pub fn ioremap(self) -> Result<UncachedPages, (Self, Error)> {
        // SAFETY: The pages are owned and have no cacheable mapping, being out of the linear one.
        let addr = unsafe { bindings::ioremap(self.start(), self.size()) };

        match NonNull::new(addr) {
            // INVARIANT: `ioremap()` has just mapped all of `self`.
            Some(addr) => Ok(UncachedPages {
                addr,
                range: *self,
                pages: Some(self),
            }),
            None => Err((self, ENOMEM)),
        }
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

        this.pages.take()
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
            let from = self.addr.as_ptr().byte_add(offset);
            bindings::_copy_to_iter(from, len, iter.as_raw())
        }
    }

    /// Lets `vma` map the part of the pages that it asks for into a process, cache-inhibited. Nobody
    /// else can decide about it any more.
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
        &self.range
    }
}

impl Drop for UncachedPages {
    fn drop(&mut self) {
        // SAFETY: By the type invariant `addr` comes from `ioremap()`, and nobody can use it any
        // more. This is before the pages, if they are still here, are dropped.
        unsafe { bindings::iounmap(self.addr.as_ptr()) };
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
                mapping.pages.addr.as_ptr().byte_add(offset),
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
