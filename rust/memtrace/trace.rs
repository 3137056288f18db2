// SPDX-License-Identifier: GPL-2.0

//! The `<node>/trace` file: a region, for processes to read and map.

use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    mm::{
        uncached::UncachedPages,
        virt::VmaNew, //
    },
    prelude::*,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Relaxed,
            Release, //
        },
        Arc, //
    }, //
};

/// The data of a `trace` file.
pub(crate) struct Trace {
    pages: Arc<UncachedPages>,
    mappings: Arc<Mappings>,
}

impl Trace {
    pub(crate) fn new(pages: Arc<UncachedPages>, mappings: Arc<Mappings>) -> Self {
        Self { pages, mappings }
    }
}

#[vtable]
impl MemoryFile for Trace {
    fn size(&self) -> usize {
        self.pages.size()
    }

    fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) -> usize {
        self.pages.copy_to_iter(pos, len, to)
    }

    fn mmap(&self, vma: &VmaNew) -> Result {
        let mapping = Mapping::new(&self.mappings).ok_or(EIO)?;

        UncachedPages::mmap(self.pages.clone(), vma, mapping)
    }
}

/// How many mappings of processes there are, of all regions together.
///
/// All regions are given back or none: therefore they share one count, which is closed in one step.
pub(crate) struct Mappings(Atomic<isize>);

impl Mappings {
    const CLOSED: isize = -1;

    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Lets no new mapping in. Fails with [`EBUSY`], and closes nothing, if there is one.
    pub(crate) fn close(&self) -> Result {
        self.0
            .cmpxchg(0, Self::CLOSED, Acquire)
            .map(drop)
            .map_err(|_| EBUSY)
    }

    /// Lets mappings in again after [`Mappings::close`].
    pub(crate) fn open(&self) {
        self.0.store(0, Release);
    }
}

/// One mapping that is counted.
struct Mapping(Arc<Mappings>);

impl Mapping {
    fn new(mappings: &Arc<Mappings>) -> Option<Self> {
        let mut count = mappings.0.load(Relaxed);

        while count != Mappings::CLOSED {
            match mappings.0.cmpxchg(count, count + 1, Relaxed) {
                Ok(_) => return Some(Self(mappings.clone())),
                Err(now) => count = now,
            }
        }
        None
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.0 .0.fetch_sub(1, Release);
    }
}
