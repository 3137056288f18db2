// SPDX-License-Identifier: GPL-2.0

//! Files with operations of their own.
//!
//! DebugFS protects the operations of an ordinary file as a whole against its removal. Such a file
//! cannot be mapped, a reader whose buffer is slow to fault in holds up the removal for as long as
//! it likes, and its module can be unloaded while the file is open.
//!
//! The files here protect themselves: an open file holds a reference to its module, user memory is
//! accessed outside the protected section only, and after the removal nothing that an open file is
//! asked for reaches the data: it fails with [`EIO`], but for text that was read before.

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
    mm::virt::VmaUnclaimed,
    prelude::*, //
};

#[cfg(CONFIG_DEBUG_FS)]
mod ops;
#[cfg(CONFIG_DEBUG_FS)]
use ops::{
    MemoryOps,
    TextOps, //
};

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
    /// On [`Ok`] all of it counts as written. May sleep, but holds up the removal of the file. If
    /// it creates or removes entries in the directory of the file, then the file must not be
    /// removed while it can be open: the removal waits with that directory locked.
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
///     fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) {
///         to.copy_to_iter(&self.0[pos..pos + len]);
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

    /// Copies the `len` bytes at `pos`, which are within [`MemoryFile::size`], to `to`, or those at
    /// the beginning of them that can be copied.
    ///
    /// Called with page faults disabled, and again for the rest once user memory is there.
    fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>);

    /// Sets up `vma`, which maps the file. After that it cannot fail any more: of a mapping that is
    /// refused nobody is told when it goes, so that what it holds would stay for ever.
    ///
    /// Called with the mmap lock held for writing. May sleep, but holds up the removal of the file.
    fn mmap(&self, vma: VmaUnclaimed<'_>) -> Result;
}

impl Dir {
    /// Creates a directory in the directory of the architecture (`arch_debugfs_dir`), where there
    /// is one.
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
        #[cfg(CONFIG_DEBUG_FS)]
        {
            let mode = if T::HAS_STORE { 0o600 } else { 0o400 };

            // SAFETY: The operations of `TextOps<T>` expect a `T` in the inode's private data.
            unsafe { self.custom_file(name, mode, data, &TextOps::<T>::FILE_OPS) }
        }
        #[cfg(not(CONFIG_DEBUG_FS))]
        no_file(data)
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
        #[cfg(CONFIG_DEBUG_FS)]
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
        #[cfg(not(CONFIG_DEBUG_FS))]
        no_file(data)
    }

    /// # Safety
    ///
    /// `operations` must be good for a file whose inode has a pointer to a `T` in its private data
    /// that is valid until the file is removed.
    #[cfg(CONFIG_DEBUG_FS)]
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

/// Only keeps the data, where there is no DebugFS.
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
