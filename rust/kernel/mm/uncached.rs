// SPDX-License-Identifier: GPL-2.0

//! Pages that are accessed cache-inhibited only.
//!
//! C headers: [`include/linux/io.h`](srctree/include/linux/io.h),
//! [`include/linux/mm.h`](srctree/include/linux/mm.h)

use crate::{
    bindings,
    error::to_result,
    iov::IovIterDest,
    mm::{
        contig::PfnRange,
        unmapped::UnmappedPages,
        virt::{
            flags,
            VmaNew, //
        },
    },
    page::PAGE_SHIFT,
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
///     sync::Arc, //
/// };
///
/// let node = numa::memory_nodes().next().ok_or(ENODEV)?;
/// let flags = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
///
/// if let Ok(pages) = ContigPages::alloc(memory_block_size() / PAGE_SIZE, flags, node) {
///     let pages = pages.clear()?.set_offline().unmap()?;
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

    /// Maps the part of the pages that `vma` asks for into a process, cache-inhibited.
    ///
    /// The mapping holds `this` and `guard` until it and all of its copies (by `fork()`, a split
    /// or `mremap()`) are gone. Then it drops `this` first.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the mapping reaches beyond the pages, is private (it would lose what is
    /// written to it, and what the hardware writes), or is executable. [`ENOMEM`] if there is not
    /// enough memory for the page tables.
    ///
    /// # Context
    ///
    /// In an `mmap()` hook, as `vma` says. May sleep.
    pub fn mmap<T: Send + Sync + 'static>(this: Arc<Self>, vma: &VmaNew, guard: T) -> Result {
        let size = vma.end() - vma.start();
        // SAFETY: `vma` is valid, and under construction by this task.
        let pgoff = unsafe { (*vma.as_ptr()).vm_pgoff };

        if pgoff >= this.nr_pages() || (size >> PAGE_SHIFT) > this.nr_pages() - pgoff {
            return Err(EINVAL);
        }
        // The kernel clears `VM_SHARED`, but not this, for a file that is open for reading only.
        if vma.flags() & flags::MAYSHARE == 0 {
            return Err(EINVAL);
        }
        vma.try_clear_mayexec()?;

        let start_pfn = this.start_pfn() + pgoff;
        let mapping = Arc::new(
            Mapping {
                _pages: this,
                _guard: guard,
            },
            GFP_KERNEL,
        )?;

        // SAFETY: `vma` is under construction by this task, so nobody else uses its fields. The
        // pages from `start_pfn` on, as many as `vma` has, are in the range, by the check above,
        // and `mapping` keeps them until `vma` is closed.
        to_result(unsafe {
            let vma = vma.as_ptr();
            (*vma).vm_page_prot = bindings::pgprot_noncached((*vma).vm_page_prot);
            bindings::remap_pfn_range(
                vma,
                (*vma).__bindgen_anon_1.__bindgen_anon_1.vm_start,
                start_pfn,
                size,
                (*vma).vm_page_prot,
            )
        })?;

        // SAFETY: As above. `VmOps<T>` takes `vm_private_data` for what is put there.
        unsafe {
            let vma = vma.as_ptr();
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
    _pages: Arc<UncachedPages>,
    _guard: T,
}

/// The operations of a VMA whose `vm_private_data` owns an `Arc<Mapping<T>>`.
struct VmOps<T>(PhantomData<T>);

impl<T: Send + Sync + 'static> VmOps<T> {
    const VM_OPS: bindings::vm_operations_struct = bindings::vm_operations_struct {
        open: Some(Self::open),
        close: Some(Self::close),
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
}
