// SPDX-License-Identifier: GPL-2.0

//! Files with operations of their own.
//!
//! DebugFS protects the operations of an ordinary file as a whole against its removal. Such a file
//! cannot be mapped, a reader whose buffer is slow to fault in holds up the removal for as long as
//! it likes, and its module can be unloaded while the file is open.
//!
//! The files here protect themselves: an open file holds a reference to its module, user memory is
//! accessed outside the protected section only, and after the removal every operation on a file
//! that is still open fails with [`EIO`].

use super::{
    Dir,
    Entry,
    File,
    Scope, //
};
use crate::{
    bindings,
    error::{
        from_err_ptr,
        from_result,
        to_result,
        VTABLE_DEFAULT_ERROR, //
    },
    fmt,
    iov::IovIterDest,
    mm::virt::VmaUnclaimed,
    module::this_module,
    page::PAGE_SIZE,
    prelude::*,
    seq_file::SeqFile,
    seq_print,
    sizes::SZ_1M,
    str::CStrExt as _,
    sync::Arc,
    task::cond_resched,
    uaccess::UserSlice, //
};
use core::marker::PhantomData;

/// A text file: one value, read and written as a whole.
///
/// Its mode is 0600 if it has `store`, and 0400 if not.
///
/// # Examples
///
/// ```
/// use kernel::{
///     debugfs::{
///         Dir,
///         TextFile, //
///     },
///     fmt,
///     prelude::*, //
/// };
///
/// struct Answer(u64);
///
/// #[vtable]
/// impl TextFile for Answer {
///     fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         writeln!(f, "{:#018x}", self.0)
///     }
/// }
///
/// let dir = Dir::new(c"text_file");
/// let file = KBox::pin_init(dir.text_file(c"answer", Answer(42)), GFP_KERNEL)?;
/// // "text_file/answer" has one line, 0x000000000000002a, until `file` is dropped.
/// assert_eq!(file.0, 42);
/// # Ok::<(), Error>(())
/// ```
#[vtable]
pub trait TextFile: Send + Sync + 'static {
    /// Writes the content of the file.
    ///
    /// Called with the seq_file's lock held. May sleep, but holds up the removal of the file.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Takes what was written to the file in one call, without any NUL in it, wherever in the file
    /// it was written.
    ///
    /// On [`Ok`] all of it counts as written. May sleep, but holds up the removal of the file.
    fn store(&self, _text: &CStr) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// A file that stands for memory: it can be read at any position, and mapped.
///
/// Its mode is 0600. It can be seeked in, and its data sent to a pipe or socket.
///
/// # Examples
///
/// ```
/// use kernel::{
///     debugfs::{
///         Dir,
///         MemoryFile, //
///     },
///     iov::IovIterDest,
///     mm::virt::VmaUnclaimed,
///     prelude::*, //
/// };
///
/// struct Bytes([u8; 4]);
///
/// #[vtable]
/// impl MemoryFile for Bytes {
///     fn size(&self) -> usize {
///         self.0.len()
///     }
///
///     fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) -> usize {
///         to.copy_to_iter(&self.0[pos..pos + len])
///     }
///
///     fn mmap(&self, _vma: VmaUnclaimed<'_>) -> Result {
///         Err(ENODEV)
///     }
/// }
///
/// let dir = Dir::new(c"memory_file");
/// let file = KBox::pin_init(dir.memory_file(c"bytes", Bytes(*b"abcd")), GFP_KERNEL)?;
/// // "memory_file/bytes" has the four bytes until `file` is dropped.
/// assert_eq!(file.size(), 4);
/// # Ok::<(), Error>(())
/// ```
#[vtable]
pub trait MemoryFile: Send + Sync + 'static {
    /// Returns the size of the file in bytes, which never changes.
    fn size(&self) -> usize;

    /// Copies the `len` bytes at `pos`, which are within [`MemoryFile::size`], to `to`, and returns
    /// how many bytes it could copy.
    ///
    /// Called with page faults disabled, and again for the rest once user memory is there.
    fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) -> usize;

    /// Sets up `vma`, which maps the file.
    ///
    /// Called with the mmap lock held for writing. May sleep, but holds up the removal of the file.
    fn mmap(&self, vma: VmaUnclaimed<'_>) -> Result;
}

impl Dir {
    /// Creates a directory in the directory of the architecture (`arch_debugfs_dir`).
    ///
    /// # Examples
    ///
    /// ```
    /// use kernel::debugfs::Dir;
    ///
    /// let dir = Dir::new_in_arch_dir(c"my_debugfs_dir");
    /// ```
    pub fn new_in_arch_dir(name: &CStr) -> Self {
        // SAFETY: `name` is a C string, and `arch_debugfs_dir`, set before any driver starts, is
        // never removed.
        let dentry =
            unsafe { bindings::debugfs_create_dir(name.as_char_ptr(), bindings::arch_debugfs_dir) };

        // SAFETY: The result of `debugfs_create_dir()`.
        let entry = unsafe { Entry::from_raw(dentry, None) };
        Dir(Arc::new(entry, GFP_KERNEL).ok())
    }

    /// Creates a text file in this directory.
    ///
    /// The file is removed when the returned [`File`] is dropped. Unlike other files of DebugFS,
    /// one that could not be created is an error: it has a user who relies on it.
    pub fn text_file<'a, T: TextFile, E: 'a>(
        &'a self,
        name: &'a CStr,
        data: impl PinInit<T, E> + 'a,
    ) -> impl PinInit<File<T>, Error> + 'a
    where
        Error: From<E>,
    {
        let mode = if T::HAS_STORE { 0o600 } else { 0o400 };

        // SAFETY: The operations of `TextOps<T>` expect a `T` in the inode's private data.
        unsafe { self.custom_file(name, mode, data, &TextOps::<T>::FILE_OPS) }
    }

    /// Creates a file that stands for memory in this directory.
    ///
    /// The file is removed when the returned [`File`] is dropped. One that could not be created is
    /// an error, as with [`Dir::text_file`].
    pub fn memory_file<'a, T: MemoryFile, E: 'a>(
        &'a self,
        name: &'a CStr,
        data: impl PinInit<T, E> + 'a,
    ) -> impl PinInit<File<T>, Error> + 'a
    where
        Error: From<E>,
    {
        // SAFETY: The operations of `MemoryOps<T>` expect a `T` in the inode's private data.
        unsafe { self.custom_file(name, 0o600, data, &MemoryOps::<T>::FILE_OPS) }.pin_chain(
            |file| {
                // SAFETY: The file was created, and `file` holds its dentry.
                unsafe {
                    MemoryOps::<T>::set_inode_size((*file.scope._entry.as_ptr()).d_inode, &file)
                };
                Ok(())
            },
        )
    }

    /// # Safety
    ///
    /// `operations` must be good for a file whose inode has a pointer to a `T` in its private data
    /// that is valid until the file is removed.
    unsafe fn custom_file<'a, T: Send + Sync + 'static, E: 'a>(
        &'a self,
        name: &'a CStr,
        mode: u16,
        data: impl PinInit<T, E> + 'a,
        operations: &'static bindings::file_operations,
    ) -> impl PinInit<File<T>, Error> + 'a
    where
        Error: From<E>,
    {
        let scope = Scope::<T>::new(data, move |data| {
            let Some(parent) = &self.0 else {
                return Entry::empty();
            };

            // SAFETY: `name` is a C string, and `parent` holds a directory, or an error that the C
            // side passes on. The scope removes the file before it drops `data`, and the caller
            // promises the rest.
            let dentry = unsafe {
                bindings::debugfs_create_file_unsafe(
                    name.as_char_ptr(),
                    mode,
                    parent.as_ptr(),
                    core::ptr::from_ref(data).cast_mut().cast(),
                    operations,
                )
            };

            // SAFETY: The result of `debugfs_create_file_unsafe()`, in `parent`.
            unsafe { Entry::from_raw(dentry, Some(parent.clone())) }
        });
        try_pin_init! {
            File {
                scope <- scope
            } ? Error
        }
        .pin_chain(|file| match file.scope._entry.as_ptr() {
            // There was no memory for the directory's entry.
            entry if entry.is_null() => Err(ENOMEM),
            entry => from_err_ptr(entry).map(drop),
        })
    }
}

/// A section in which an open file's data is there: the removal of the file waits for its end.
struct Access<'a> {
    dentry: *mut bindings::dentry,
    _file: PhantomData<&'a bindings::file>,
}

impl<'a> Access<'a> {
    /// Fails with [`EIO`] if the file has been removed.
    ///
    /// # Safety
    ///
    /// `file` must be an open file of DebugFS for `'a`.
    #[inline]
    unsafe fn begin(file: *mut bindings::file) -> Result<Self> {
        // SAFETY: An open file has a dentry, for as long as it is open.
        let dentry = unsafe { bindings::file_dentry(file) };
        // SAFETY: It is a regular file's, and opening the file has set up what this counts with.
        to_result(unsafe { bindings::debugfs_file_get(dentry) })?;

        Ok(Self {
            dentry,
            _file: PhantomData,
        })
    }
}

impl Drop for Access<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Pairs with `debugfs_file_get()` in `begin()`.
        unsafe { bindings::debugfs_file_put(self.dentry) };
    }
}

/// The operations of a file that has a [`TextFile`] in its inode's private data.
struct TextOps<T>(PhantomData<T>);

impl<T: TextFile> TextOps<T> {
    const FILE_OPS: bindings::file_operations = bindings::file_operations {
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
        // SAFETY: `file` is being opened, and `show` gets the inode's private data.
        unsafe { bindings::single_open(file, Some(Self::show), (*inode).i_private) }
    }

    /// # Safety
    ///
    /// `seq` must be the seq_file that `open` has set up.
    unsafe extern "C" fn show(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
        from_result(|| {
            // SAFETY: `seq_open()` has stored the file, which is open.
            let _access = unsafe { Access::begin((*seq).file.cast_mut()) }?;
            // SAFETY: `open` has passed the inode's private data, a `T` that is there for as long
            // as `_access`.
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
            let _access = unsafe { Access::begin(file) }?;
            // SAFETY: The inode's private data, a `T` that is there for as long as `_access`.
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
struct MemoryOps<T>(PhantomData<T>);

impl<T: MemoryFile> MemoryOps<T> {
    const FILE_OPS: bindings::file_operations = bindings::file_operations {
        owner: this_module::<T::OwnerModule>().as_ptr(),
        open: Some(Self::open),
        read_iter: Some(Self::read_iter),
        splice_read: Some(bindings::copy_splice_read),
        mmap: Some(Self::mmap),
        // Aligned as the offset is, so that large page table entries fit.
        #[cfg(CONFIG_TRANSPARENT_HUGEPAGE)]
        get_unmapped_area: Some(bindings::thp_get_unmapped_area),
        llseek: Some(Self::llseek),
        ..pin_init::zeroed()
    };

    /// How much is read in one section, with page faults disabled.
    const CHUNK: usize = SZ_1M;

    /// # Safety
    ///
    /// `file` must be an open file with these operations, for `'a`, and `access` its section.
    unsafe fn data<'a>(file: *mut bindings::file, _access: &'a Access<'_>) -> &'a T {
        // SAFETY: The inode's private data is a `T` that is there for as long as `access`.
        unsafe { &*(*(*file).f_inode).i_private.cast::<T>() }
    }

    /// # Safety
    ///
    /// `inode` must be that of a file with these operations that is being opened, which DebugFS
    /// does in a section of its own (`open_proxy_open()` in `fs/debugfs/file.c`).
    unsafe extern "C" fn open(inode: *mut bindings::inode, _file: *mut bindings::file) -> c_int {
        // SAFETY: The inode's private data is a `T`, and the file is not removed meanwhile.
        let data = unsafe { &*(*inode).i_private.cast::<T>() };

        // Opening the file to overwrite it has set the size to zero, if that was done before.
        //
        // SAFETY: By this function's requirements.
        unsafe { Self::set_inode_size(inode, data) };
        0
    }

    /// Tells `stat()` the size. Nobody else depends on it.
    ///
    /// # Safety
    ///
    /// `inode` must be that of a file that exists.
    unsafe fn set_inode_size(inode: *mut bindings::inode, data: &T) {
        // SAFETY: By this function's requirements. The lock is the one that `i_size_write()` wants,
        // and that truncation holds (`do_truncate()` in `fs/open.c`). Who removes the file does not
        // hold it while it waits for the section of the caller (`__simple_recursive_removal()` in
        // `fs/libfs.c` has the parent's by then).
        unsafe {
            bindings::inode_lock(inode);
            bindings::i_size_write(inode, data.size() as bindings::loff_t);
            bindings::inode_unlock(inode);
        }
    }

    /// # Safety
    ///
    /// `kiocb` must be that of an open file with these operations, and `iter` where to read to.
    unsafe extern "C" fn read_iter(
        kiocb: *mut bindings::kiocb,
        iter: *mut bindings::iov_iter,
    ) -> isize {
        // SAFETY: By this function's requirements.
        let file = unsafe { (*kiocb).ki_filp };
        // SAFETY: By this function's requirements, and only this task uses it.
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
                let access = unsafe { Access::begin(file) }?;
                // SAFETY: `access` is of `file`.
                let data = unsafe { Self::data(file, &access) };

                len = data
                    .size()
                    .saturating_sub(start)
                    .min(iter.len())
                    .min(Self::CHUNK);
                if len == 0 {
                    return Ok(());
                }
                // A fault could take for ever, and the removal of the file with it.
                //
                // SAFETY: No requirements, and undone right after.
                unsafe { bindings::pagefault_disable() };
                copied = data.read(start, len, iter);
                // SAFETY: Pairs with the call above.
                unsafe { bindings::pagefault_enable() };
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
            cond_resched();
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
        }
    }

    /// # Safety
    ///
    /// `file` must be an open file with these operations, and `vma` one that is being set up.
    unsafe extern "C" fn mmap(
        file: *mut bindings::file,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        from_result(|| {
            // SAFETY: `file` is open.
            let access = unsafe { Access::begin(file) }?;
            // SAFETY: `access` is of `file`.
            let data = unsafe { Self::data(file, &access) };

            // SAFETY: By this function's requirements, and nobody else has claimed `vma`.
            data.mmap(unsafe { VmaUnclaimed::from_raw(vma) })?;
            Ok(0)
        })
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
            let access = unsafe { Access::begin(file) }?;
            // SAFETY: `access` is of `file`.
            let size = unsafe { Self::data(file, &access) }.size() as bindings::loff_t;

            // As in other files, one may seek beyond the end.
            //
            // SAFETY: `file` is open.
            Ok(unsafe { bindings::generic_file_llseek_size(file, offset, whence, i64::MAX, size) })
        })
    }
}
