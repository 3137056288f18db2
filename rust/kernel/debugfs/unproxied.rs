// SPDX-License-Identifier: GPL-2.0

//! Files that are not proxied.
//!
//! A proxy protects each operation of an ordinary file, as a whole, against removal of the file.
//! Such a file cannot be mapped, a reader whose buffer is slow to fault in delays the removal for
//! as long as that takes, and its module can be unloaded while the file is open.
//!
//! The files here protect themselves: an open file holds a reference to its module, user memory is
//! only accessed outside the protected section, and after the removal no operation on an open file
//! accesses the data: it fails with [`EIO`], except for reading text that was read before.

#[cfg(CONFIG_DEBUG_FS)]
use super::Entry;
use super::{
    Dir,
    File,
    Scope, //
};
#[cfg(CONFIG_DEBUG_FS)]
use crate::{
    bindings,
    error::from_err_ptr,
    str::CStrExt as _, //
};
use crate::{
    error::VTABLE_DEFAULT_ERROR,
    fmt,
    iov::IovIterDest,
    mm::pfnmap::Pfnmap,
    prelude::*, //
};

#[cfg(CONFIG_DEBUG_FS)]
mod ops;
#[cfg(CONFIG_DEBUG_FS)]
use ops::{
    MemoryOps,
    TextOps, //
};

/// A text file with one value, which is read and written as a whole.
///
/// Its mode is 0600 if it has `store`, otherwise 0400.
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
    /// Called with the seq_file's lock held. May sleep, but delays the removal of the file.
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Handles text that was written to the file in one call. The text has no NUL in it, and the
    /// file position is ignored.
    ///
    /// On [`Ok`], all of it counts as written. May sleep, but delays the removal of the file. If
    /// this creates or removes entries in the directory of the file, the file must not be removed
    /// while it can be open: the removal waits with that directory locked.
    fn store(&self, _text: &CStr) -> Result {
        build_error!(VTABLE_DEFAULT_ERROR)
    }
}

/// A file that represents memory: it can be read at any position, and mapped.
///
/// Its mode is 0600. It supports seeking, and sending its data to a pipe or socket.
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
///     prelude::*, //
/// };
/// use core::convert::Infallible;
///
/// struct Bytes([u8; 4]);
///
/// #[vtable]
/// impl MemoryFile for Bytes {
///     type Mapping = Infallible;
///
///     fn size(&self) -> usize {
///         self.0.len()
///     }
///
///     fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) {
///         to.copy_to_iter(&self.0[pos..pos + len]);
///     }
///
///     fn mapping(&self) -> Result<Infallible> {
///         Err(ENODEV)
///     }
/// }
///
/// let dir = Dir::new(c"memory_file");
/// let file = KBox::pin_init(dir.memory_file(c"bytes", Bytes(*b"abcd")), GFP_KERNEL)?;
/// // "memory_file/bytes" has four bytes until `file` is dropped.
/// assert_eq!(file.size(), 4);
/// # Ok::<(), Error>(())
/// ```
#[vtable]
pub trait MemoryFile: Send + Sync + 'static {
    /// What a mapping of the file by a process holds. [`Infallible`](core::convert::Infallible) if
    /// the file cannot be mapped.
    type Mapping: Pfnmap;

    /// Returns the size of the file in bytes, which never changes.
    fn size(&self) -> usize;

    /// Copies the `len` bytes at `pos`, which are within [`MemoryFile::size`], to `to`, or as many
    /// of the first ones as can be copied.
    ///
    /// Called with page faults disabled, and again for the rest after user memory was faulted in.
    fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>);

    /// Returns what a new mapping of the file by a process holds, until it is unmapped.
    ///
    /// Called with the mmap lock held for writing. May sleep, but delays the removal of the file.
    /// Must not take a lock that is held while the file is removed or user memory is accessed.
    fn mapping(&self) -> Result<Self::Mapping>;
}

impl Dir {
    /// Creates a directory in the directory of the architecture (`arch_debugfs_dir`). This is only
    /// available on architectures that have one.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(any(CONFIG_LOONGARCH, CONFIG_PPC, CONFIG_S390, CONFIG_X86))] {
    /// use kernel::debugfs::Dir;
    ///
    /// let dir = Dir::new_in_arch_dir(c"my_debugfs_dir");
    /// # }
    /// ```
    #[cfg(any(CONFIG_LOONGARCH, CONFIG_PPC, CONFIG_S390, CONFIG_X86))]
    pub fn new_in_arch_dir(name: &CStr) -> Self {
        #[cfg(CONFIG_DEBUG_FS)]
        {
            // SAFETY: `name` is a C string, and `arch_debugfs_dir`, set before any driver starts,
            // is never removed.
            let entry = unsafe {
                Entry::from_raw(
                    bindings::debugfs_create_dir(name.as_char_ptr(), bindings::arch_debugfs_dir),
                    None,
                )
            };
            Self(crate::sync::Arc::new(entry, GFP_KERNEL).ok())
        }
        #[cfg(not(CONFIG_DEBUG_FS))]
        Self()
    }

    /// Creates a text file in this directory.
    ///
    /// The file is removed when the returned [`File`] is dropped. Unlike for other DebugFS files,
    /// it is an error if the file cannot be created, since users rely on it.
    pub fn text_file<'a, T: TextFile, E: 'a>(
        &'a self,
        name: &'a CStr,
        data: impl PinInit<T, E> + 'a,
    ) -> impl PinInit<File<T>, Error> + 'a
    where
        Error: From<E>,
    {
        #[cfg(CONFIG_DEBUG_FS)]
        {
            let mode = if T::HAS_STORE { 0o600 } else { 0o400 };

            // SAFETY: The operations of `TextOps<T>` expect a `T` in the inode's private data.
            unsafe { self.unproxied_file(name, mode, data, &TextOps::<T>::FILE_OPS) }
        }
        #[cfg(not(CONFIG_DEBUG_FS))]
        no_file(data)
    }

    /// Creates a file that represents memory in this directory.
    ///
    /// The file is removed when the returned [`File`] is dropped. It is an error if the file cannot
    /// be created, as with [`Dir::text_file`].
    pub fn memory_file<'a, T: MemoryFile, E: 'a>(
        &'a self,
        name: &'a CStr,
        data: impl PinInit<T, E> + 'a,
    ) -> impl PinInit<File<T>, Error> + 'a
    where
        Error: From<E>,
    {
        #[cfg(CONFIG_DEBUG_FS)]
        {
            // SAFETY: The operations of `MemoryOps<T>` expect a `T` in the inode's private data.
            unsafe { self.unproxied_file(name, 0o600, data, &MemoryOps::<T>::FILE_OPS) }.pin_chain(
                |file| {
                    // SAFETY: The file was created, and `file` holds its dentry.
                    unsafe {
                        MemoryOps::<T>::set_inode_size((*file.scope._entry.as_ptr()).d_inode, &file)
                    };
                    Ok(())
                },
            )
        }
        #[cfg(not(CONFIG_DEBUG_FS))]
        no_file(data)
    }

    /// # Safety
    ///
    /// `operations` must be suitable for a file whose inode has a pointer to a `T` in its private
    /// data. The pointer is valid until the file is removed.
    #[cfg(CONFIG_DEBUG_FS)]
    unsafe fn unproxied_file<'a, T: Send + Sync + 'static, E: 'a>(
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
            // guarantees the rest.
            let dentry = unsafe {
                bindings::debugfs_create_file_unsafe(
                    name.as_char_ptr(),
                    mode,
                    parent.as_ptr(),
                    core::ptr::from_ref(data).cast_mut().cast(),
                    operations,
                )
            };

            // SAFETY: `dentry` is the result of `debugfs_create_file_unsafe()`, in `parent`.
            unsafe { Entry::from_raw(dentry, Some(parent.clone())) }
        });
        try_pin_init! {
            File {
                scope <- scope
            } ? Error
        }
        .pin_chain(|file| match file.scope._entry.as_ptr() {
            // There was no memory for the entry of the directory.
            entry if entry.is_null() => Err(ENOMEM),
            entry => from_err_ptr(entry).map(drop),
        })
    }
}

/// Only keeps the data, if there is no DebugFS.
#[cfg(not(CONFIG_DEBUG_FS))]
fn no_file<'a, T: 'a, E: 'a>(data: impl PinInit<T, E> + 'a) -> impl PinInit<File<T>, Error> + 'a
where
    Error: From<E>,
{
    try_pin_init! {
        File {
            scope <- Scope::<T>::new(data, |_| ())
        } ? Error
    }
}
