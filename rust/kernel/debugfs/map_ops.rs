// SPDX-License-Identifier: GPL-2.0

//! File operations for a [`BinaryMapper`].
//!
//! By default, DebugFS calls each file operation through a proxy that protects the whole operation
//! against removal of the file. These proxies do not forward `mmap()`, and a page fault of a reader
//! delays the removal for as long as the fault takes. So these files have no proxy, and only call
//! `debugfs_file_get()` themselves while they access the data.

#[cfg(CONFIG_DEBUG_FS)]
use super::Entry;
use super::{
    file_ops::FileOps,
    BinaryMapper, //
};
#[cfg(CONFIG_DEBUG_FS)]
use crate::error::from_err_ptr;
use crate::{
    bindings,
    error::{
        from_result,
        to_result, //
    },
    fs::File,
    iov::IovIterDest,
    mm::pfnmap::{
        mmap_prepare,
        PfnmapFile, //
    },
    module::this_module,
    page::PAGE_SHIFT,
    prelude::*,
    sizes::SZ_1M,
    ModuleMetadata, //
};
use core::{
    marker::PhantomData,
    ops::Deref, //
};

/// The number of bytes to copy at a time, with page faults disabled.
const CHUNK: usize = SZ_1M;

/// Access to the data of an open file. The removal of the file waits until this is dropped.
struct Access<'a, T> {
    dentry: *mut bindings::dentry,
    data: *const T,
    _file: PhantomData<&'a T>,
}

impl<T> Access<'_, T> {
    /// Fails with [`EIO`] if the file has been removed.
    ///
    /// # Safety
    ///
    /// `file` must be an open file with the operations of a `FileOps<T>`, and stay open while the
    /// result exists.
    #[inline]
    unsafe fn new(file: *mut bindings::file) -> Result<Self> {
        // SAFETY: An open file has a dentry and an inode for as long as it is open.
        let (dentry, inode) = unsafe { (bindings::file_dentry(file), (*file).f_inode) };
        // SAFETY: It is the dentry of a regular file, and opening it has set up what this requires.
        to_result(unsafe { bindings::debugfs_file_get(dentry) })?;

        Ok(Self {
            dentry,
            // SAFETY: By this function's requirements.
            data: unsafe { (*inode).i_private.cast() },
            _file: PhantomData,
        })
    }
}

impl<T> Deref for Access<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: The file is not removed before `drop()`. Until then, its inode has a pointer to a
        // valid `T` in its private data.
        unsafe { &*self.data }
    }
}

impl<T> Drop for Access<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Pairs with `debugfs_file_get()` in `new()`.
        unsafe { bindings::debugfs_file_put(self.dentry) };
    }
}

/// Representation of [`FileOps`] for binary files that can be read and mapped.
pub(crate) trait BinaryReadMapFile<M, T> {
    const FILE_OPS: FileOps<T>;
}

impl<M: ModuleMetadata, T: BinaryMapper + Sync + 'static> BinaryReadMapFile<M, T> for T {
    const FILE_OPS: FileOps<T> = {
        let operations = bindings::file_operations {
            owner: this_module::<M>().as_ptr(),
            open: Some(open::<T>),
            read_iter: Some(read_iter::<T>),
            splice_read: Some(bindings::copy_splice_read),
            mmap_prepare: Some(mmap_prepare::<Mapped<T>>),
            // Aligned like the offset, so that large page table entries can be used.
            #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
            get_unmapped_area: Some(bindings::thp_get_unmapped_area),
            llseek: Some(llseek::<T>),
            ..pin_init::zeroed()
        };

        // SAFETY: `open` gets the data from the inode, all others from `Access<T>`.
        unsafe { FileOps::new(operations, 0o600).unproxied() }
    };
}

/// # Safety
///
/// `inode` must be that of a file of a `FileOps<T>` that is being opened. Meanwhile, DebugFS
/// protects it against removal (`open_proxy_open()` in `fs/debugfs/file.c`).
unsafe extern "C" fn open<T: BinaryMapper>(
    inode: *mut bindings::inode,
    _file: *mut bindings::file,
) -> c_int {
    // SAFETY: The inode's private data is a `T`, and the file is not removed meanwhile.
    let data = unsafe { &*(*inode).i_private.cast::<T>() };

    // An earlier open with `O_TRUNC` may have set the size to zero.
    //
    // SAFETY: By this function's requirements.
    unsafe { set_inode_size(inode, data.size()) };
    0
}

/// Sets the size that `stat()` reports before the file is opened.
#[cfg(CONFIG_DEBUG_FS)]
pub(super) fn set_size<T: BinaryMapper>(entry: &Entry<'_>, data: &T) {
    if let Ok(dentry) = from_err_ptr(entry.as_ptr()) {
        // SAFETY: `entry` holds the dentry of a file, which has an inode.
        unsafe { set_inode_size((*dentry).d_inode, data.size()) };
    }
}

/// Sets the size that `stat()` reports. Nothing else depends on it.
///
/// # Safety
///
/// `inode` must be that of a file that exists.
unsafe fn set_inode_size(inode: *mut bindings::inode, size: usize) {
    // SAFETY: By this function's requirements. The lock is the one that `i_size_write()` requires,
    // and that truncation holds (`do_truncate()` in `fs/open.c`). The removal of the file does not
    // hold it while it waits for the caller (`__simple_recursive_removal()` in `fs/libfs.c` holds
    // only the parent's lock at that point).
    unsafe {
        bindings::inode_lock(inode);
        bindings::i_size_write(inode, size as bindings::loff_t);
        bindings::inode_unlock(inode);
    }
}

/// # Safety
///
/// `kiocb` must be that of an open file of a `FileOps<T>`, and `iter` the destination.
unsafe extern "C" fn read_iter<T: BinaryMapper>(
    kiocb: *mut bindings::kiocb,
    iter: *mut bindings::iov_iter,
) -> isize {
    // SAFETY: By this function's requirements.
    let file = unsafe { (*kiocb).ki_filp };
    // SAFETY: By this function's requirements, and only this task uses `iter`.
    let iter = unsafe { IovIterDest::from_raw(iter) };
    // SAFETY: By this function's requirements.
    let pos = unsafe { &mut (*kiocb).ki_pos };

    let mut done = 0;
    // SAFETY: By this function's requirements.
    let result = unsafe { read::<T>(file, pos, iter, &mut done) };

    match result {
        Err(e) if done == 0 => e.to_errno() as isize,
        _ => done as isize,
    }
}

/// Reads until `iter` is full or the file ends, and adds what was read to `pos` and `done`.
///
/// # Safety
///
/// `file` must be an open file of a `FileOps<T>`.
unsafe fn read<T: BinaryMapper>(
    file: *mut bindings::file,
    pos: &mut bindings::loff_t,
    iter: &mut IovIterDest<'_>,
    done: &mut usize,
) -> Result {
    loop {
        let copied;
        let len;
        {
            // SAFETY: By this function's requirements.
            let data = unsafe { Access::<T>::new(file) }?;
            let start = usize::try_from(*pos).unwrap_or(usize::MAX);
            let room = iter.len();

            len = data.size().saturating_sub(start).min(room).min(CHUNK);
            if len == 0 {
                return Ok(());
            }
            // A page fault could block forever, and would block the removal of the file, too.
            //
            // SAFETY: No requirements. Page faults are enabled again below.
            unsafe { bindings::pagefault_disable() };
            data.write_to_iter(start, len, iter);
            // SAFETY: Pairs with the call above.
            unsafe { bindings::pagefault_enable() };
            // The VFS relies on this number.
            copied = (room - iter.len()).min(len);
        }
        *pos += copied as bindings::loff_t;
        *done += copied;

        if copied < len {
            let rest = len - copied;
            // SAFETY: `iter` is valid.
            if unsafe { bindings::fault_in_iov_iter_writeable(iter.as_raw(), rest) } == rest {
                return Err(EFAULT);
            }
        }
        if iter.is_empty() {
            return Ok(());
        }
        if current!().fatal_signal_pending() {
            return Err(EINTR);
        }
    }
}

/// # Safety
///
/// `file` must be an open file of a `FileOps<T>`.
unsafe extern "C" fn llseek<T: BinaryMapper>(
    file: *mut bindings::file,
    offset: bindings::loff_t,
    whence: c_int,
) -> bindings::loff_t {
    from_result(|| {
        // SAFETY: By this function's requirements.
        let size = unsafe { Access::<T>::new(file) }?.size() as bindings::loff_t;

        // As for other files, seeking beyond the end is allowed.
        //
        // SAFETY: `file` is open.
        Ok(unsafe { bindings::generic_file_llseek_size(file, offset, whence, i64::MAX, size) })
    })
}

/// A file of a `FileOps<T>`, when it is mapped.
struct Mapped<T>(PhantomData<T>);

impl<T: BinaryMapper + 'static> PfnmapFile for Mapped<T> {
    type Mapping = T::Mapping;

    unsafe fn nr_pages(file: &File) -> Result<usize> {
        // SAFETY: By this function's requirements, and `FILE_OPS` is the only user of `Mapped<T>`.
        Ok(unsafe { Access::<T>::new(file.as_ptr()) }?.size() >> PAGE_SHIFT)
    }

    unsafe fn mapping(file: &File) -> Result<T::Mapping> {
        // SAFETY: As above.
        unsafe { Access::<T>::new(file.as_ptr()) }?.map()
    }
}

#[cfg(CONFIG_DEBUG_FS)]
#[macros::kunit_tests(rust_debugfs_map_ops)]
mod tests {
    use super::*;
    use crate::{
        debugfs::Dir,
        sync::{
            atomic::{
                Atomic,
                Relaxed, //
            },
            Arc, //
        },
        time::{
            delay::fsleep,
            Delta, //
        },
        workqueue,
        ThisModule, //
    };
    use core::convert::Infallible;

    struct Zeroes(usize);

    impl BinaryMapper for Zeroes {
        type Mapping = Infallible;

        fn size(&self) -> usize {
            self.0
        }

        fn write_to_iter(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

        fn map(&self) -> Result<Infallible> {
            Err(ENODEV)
        }
    }

    #[test]
    fn files_have_an_owner() {
        struct Owner;

        impl ModuleMetadata for Owner {
            const NAME: &'static CStr = c"owner";
            // SAFETY: The test only compares the pointer.
            const THIS_MODULE: ThisModule = unsafe { ThisModule::from_ptr(0x1000 as *mut _) };
        }

        let file_ops = &<Zeroes as BinaryReadMapFile<Owner, _>>::FILE_OPS;
        assert!(file_ops.owner == Owner::THIS_MODULE.as_ptr());
    }

    #[test]
    fn size_is_set_while_nobody_truncates_the_file() -> Result {
        const SIZE: usize = 12345;
        let dir = Dir::<crate::LocalModule>::new(c"rust_debugfs_map_ops");
        let file = KBox::pin_init(
            dir.read_map_binary_file(c"zeroes", Zeroes(SIZE)),
            GFP_KERNEL,
        )?;
        let dentry = from_err_ptr(file.scope._entry.as_ptr())?;
        // SAFETY: `file` holds the dentry, which has an inode.
        let inode = unsafe { (*dentry).d_inode };
        // SAFETY: Nobody else changes it.
        let size = move || unsafe { (*inode).i_size };
        assert_eq!(size(), SIZE as bindings::loff_t);

        let done = Arc::new(Atomic::new(0usize), GFP_KERNEL)?;
        let (done_there, inode_there) = (done.clone(), inode as usize);
        // SAFETY: The inode is valid until the end of this function.
        unsafe {
            bindings::inode_lock(inode);
            (*inode).i_size = 0;
        }
        let spawned = workqueue::system_dfl_long().try_spawn(GFP_KERNEL, move || {
            // SAFETY: As above: this function waits.
            unsafe { set_inode_size(inode_there as *mut _, SIZE) };
            done_there.store(1, Relaxed);
        });
        // Long enough for a task that does not wait for the lock.
        fsleep(Delta::from_millis(100));
        let size_then = size();
        // SAFETY: Pairs with the call above.
        unsafe { bindings::inode_unlock(inode) };
        spawned?;
        while done.load(Relaxed) == 0 {
            fsleep(Delta::from_millis(1));
        }

        assert_eq!(size_then, 0);
        assert_eq!(size(), SIZE as bindings::loff_t);
        Ok(())
    }
}
