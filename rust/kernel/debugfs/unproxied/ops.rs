// SPDX-License-Identifier: GPL-2.0

//! The operations that debugfs and the VFS call for the files of [`super`].

use super::{
    MemoryFile,
    TextFile, //
};
use crate::{
    bindings,
    error::{
        from_result,
        to_result, //
    },
    fmt,
    fs::File,
    iov::IovIterDest,
    mm::pfnmap::{
        mmap_prepare,
        PfnmapFile, //
    },
    module::this_module,
    page::{
        PAGE_SHIFT,
        PAGE_SIZE, //
    },
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sizes::SZ_1M,
    uaccess::UserSlice, //
};
use core::marker::PhantomData;

/// A guard that keeps the data of an open file valid: the removal of the file waits until this is
/// dropped.
struct FileGuard<'a> {
    dentry: *mut bindings::dentry,
    _file: PhantomData<&'a bindings::file>,
}

impl<'a> FileGuard<'a> {
    /// Fails with [`EIO`] if the file has been removed.
    ///
    /// # Safety
    ///
    /// `file` must be an open file of DebugFS for `'a`.
    #[inline]
    unsafe fn new(file: *mut bindings::file) -> Result<Self> {
        // SAFETY: An open file has a dentry for as long as it is open.
        let dentry = unsafe { bindings::file_dentry(file) };
        // SAFETY: It is the dentry of a regular file, and opening it has set up what this requires.
        to_result(unsafe { bindings::debugfs_file_get(dentry) })?;

        Ok(Self {
            dentry,
            _file: PhantomData,
        })
    }
}

impl Drop for FileGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Pairs with `debugfs_file_get()` in `new()`.
        unsafe { bindings::debugfs_file_put(self.dentry) };
    }
}

/// The operations of a file that has a [`TextFile`] in its inode's private data.
pub(super) struct TextOps<T>(PhantomData<T>);

impl<T: TextFile> TextOps<T> {
    pub(super) const FILE_OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        open: Some(Self::open),
        read: Some(bindings::seq_read),
        write: if T::HAS_STORE {
            Some(Self::write)
        } else {
            None
        },
        llseek: Some(bindings::seq_lseek),
        release: Some(bindings::single_release),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `inode` and `file` must be those of a file with these operations that is being opened.
    unsafe extern "C" fn open(inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: `file` is being opened, and the inode's private data is passed to `show`.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// `seq` must be the seq_file that `open` has set up.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        from_result(|| {
            // SAFETY: `seq_open()` has stored the file, which is open.
            let _guard = unsafe { FileGuard::new((*seq).file.cast_mut()) }?;
            // SAFETY: `open` has passed the inode's private data, a `T` that is valid for as long
            // as `_guard`.
            let data = unsafe { &*(*seq).private.cast::<T>() };
            // SAFETY: The caller's `seq` is valid, and this task holds its lock.
            let seq = unsafe { SeqFile::from_raw(seq) };

            seq_print!(seq, "{}", Show(data));
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` must be an open file with these operations.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        buf: *const c_char,
        count: usize,
        _ppos: *mut bindings::loff_t,
    ) -> isize {
        from_result(|| {
            if count >= PAGE_SIZE {
                return Err(EINVAL);
            }
            let mut text = KVec::with_capacity(count + 1, GFP_KERNEL)?;
            UserSlice::new(UserPtr::from_ptr(buf.cast_mut().cast()), count)
                .reader()
                .read_all(&mut text, GFP_KERNEL)?;
            text.push(0, GFP_KERNEL)?;
            let text = CStr::from_bytes_with_nul(&text).map_err(|_| EINVAL)?;

            // SAFETY: `file` is open.
            let _guard = unsafe { FileGuard::new(file) }?;
            // SAFETY: The inode's private data is a `T` that is valid for as long as `_guard`.
            let data = unsafe { &*(*(*file).f_inode).i_private.cast::<T>() };

            data.store(text)?;
            Ok(count as isize)
        })
    }
}

struct Show<'a, T>(&'a T);

impl<T: TextFile> fmt::Display for Show<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f)
    }
}

/// The operations of a file that has a [`MemoryFile`] in its inode's private data.
pub(super) struct MemoryOps<T>(PhantomData<T>);

impl<T: MemoryFile> MemoryOps<T> {
    pub(super) const FILE_OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        open: Some(Self::open),
        read_iter: Some(Self::read_iter),
        splice_read: Some(bindings::copy_splice_read),
        mmap_prepare: Some(mmap_prepare::<Self>),
        // Aligned like the offset, so that large page table entries can be used.
        #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
        get_unmapped_area: Some(bindings::thp_get_unmapped_area),
        llseek: Some(Self::llseek),
        ..pin_init::zeroed()
    };

    /// The number of bytes to read in one section, with page faults disabled.
    const CHUNK: usize = SZ_1M;

    /// # Safety
    ///
    /// `file` must be an open file with these operations, for `'a`, and `guard` be of it.
    unsafe fn data<'a>(file: *mut bindings::file, _guard: &'a FileGuard<'_>) -> &'a T {
        // SAFETY: The inode's private data is a `T` that is valid for as long as `guard`.
        unsafe { &*(*(*file).f_inode).i_private.cast::<T>() }
    }

    /// # Safety
    ///
    /// `inode` must be that of a file with these operations that is being opened, which DebugFS
    /// does in a section of its own (`open_proxy_open()` in `fs/debugfs/file.c`).
    unsafe extern "C" fn open(inode: *mut bindings::inode, _file: *mut bindings::file) -> c_int {
        // SAFETY: The inode's private data is a `T`, and the file is not removed meanwhile.
        let data = unsafe { &*(*inode).i_private.cast::<T>() };

        // An earlier open with `O_TRUNC` may have set the size to zero.
        //
        // SAFETY: By this function's requirements.
        unsafe { Self::set_inode_size(inode, data) };
        0
    }

    /// Sets the size that `stat()` reports. Nothing else depends on it.
    ///
    /// # Safety
    ///
    /// `inode` must be that of a file that exists.
    pub(super) unsafe fn set_inode_size(inode: *mut bindings::inode, data: &T) {
        // SAFETY: By this function's requirements. The lock is the one that `i_size_write()`
        // requires, and that truncation holds (`do_truncate()` in `fs/open.c`). The removal of the
        // file does not hold it while waiting for the section of the caller
        // (`__simple_recursive_removal()` in `fs/libfs.c` holds the parent's lock by then).
        unsafe {
            bindings::inode_lock(inode);
            bindings::i_size_write(inode, data.size() as bindings::loff_t);
            bindings::inode_unlock(inode);
        }
    }

    /// # Safety
    ///
    /// `kiocb` must be that of an open file with these operations, and `iter` the destination.
    unsafe extern "C" fn read_iter(
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
        let result = unsafe { Self::read(file, pos, iter, &mut done) };

        match result {
            Err(e) if done == 0 => e.to_errno() as isize,
            _ => done as isize,
        }
    }

    /// Reads until `iter` is full or the file ends, and adds what was read to `pos` and `done`.
    ///
    /// # Safety
    ///
    /// `file` must be an open file with these operations.
    unsafe fn read(
        file: *mut bindings::file,
        pos: &mut bindings::loff_t,
        iter: &mut IovIterDest<'_>,
        done: &mut usize,
    ) -> Result {
        loop {
            let start = usize::try_from(*pos)?;
            let copied;
            let len;
            {
                // SAFETY: `file` is open.
                let guard = unsafe { FileGuard::new(file) }?;
                // SAFETY: `guard` is of `file`.
                let data = unsafe { Self::data(file, &guard) };
                let room = iter.len();

                len = data.size().saturating_sub(start).min(room).min(Self::CHUNK);
                if len == 0 {
                    return Ok(());
                }
                // A page fault could block forever, and with it the removal of the file.
                //
                // SAFETY: No requirements. Page faults are enabled again below.
                unsafe { bindings::pagefault_disable() };
                data.read(start, len, iter);
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
    /// `file` must be an open file with these operations.
    unsafe extern "C" fn llseek(
        file: *mut bindings::file,
        offset: bindings::loff_t,
        whence: c_int,
    ) -> bindings::loff_t {
        from_result(|| {
            // SAFETY: `file` is open.
            let guard = unsafe { FileGuard::new(file) }?;
            // SAFETY: `guard` is of `file`.
            let size = unsafe { Self::data(file, &guard) }.size() as bindings::loff_t;

            // As for other files, seeking beyond the end is allowed.
            //
            // SAFETY: `file` is open.
            Ok(unsafe { bindings::generic_file_llseek_size(file, offset, whence, i64::MAX, size) })
        })
    }
}

impl<T: MemoryFile> PfnmapFile for MemoryOps<T> {
    type Mapping = T::Mapping;

    unsafe fn nr_pages(file: &File) -> Result<usize> {
        // SAFETY: `file` is open.
        let guard = unsafe { FileGuard::new(file.as_ptr()) }?;
        // SAFETY: By this function's requirements, `file` has these operations. `guard` is of it.
        let data = unsafe { Self::data(file.as_ptr(), &guard) };

        Ok(data.size() >> PAGE_SHIFT)
    }

    unsafe fn mapping(file: &File) -> Result<T::Mapping> {
        // SAFETY: `file` is open.
        let guard = unsafe { FileGuard::new(file.as_ptr()) }?;
        // SAFETY: By this function's requirements, `file` has these operations. `guard` is of it.
        let data = unsafe { Self::data(file.as_ptr(), &guard) };

        data.mapping()
    }
}

#[macros::kunit_tests(rust_debugfs_unproxied)]
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
        workqueue, //
    };
    use core::convert::Infallible;

    struct Zeroes(usize);

    #[vtable]
    impl MemoryFile for Zeroes {
        type Mapping = Infallible;

        fn size(&self) -> usize {
            self.0
        }

        fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

        fn mapping(&self) -> Result<Infallible> {
            Err(ENODEV)
        }
    }

    #[test]
    fn size_is_set_while_nobody_truncates_the_file() -> Result {
        const SIZE: usize = 12345;
        let dir = Dir::new(c"rust_debugfs_unproxied");
        let file = KBox::pin_init(dir.memory_file(c"zeroes", Zeroes(SIZE)), GFP_KERNEL)?;
        // SAFETY: The file was created, and `file` holds its dentry.
        let inode = unsafe { (*file.scope._entry.as_ptr()).d_inode };
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
            unsafe { MemoryOps::set_inode_size(inode_there as *mut _, &Zeroes(SIZE)) };
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
