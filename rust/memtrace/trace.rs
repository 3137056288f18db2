// SPDX-License-Identifier: GPL-2.0

//! The `<node>/trace` file, through which processes read and map a region.

use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    mm::cache_inhibited::{
        CacheInhibitedMapping,
        CacheInhibitedPages, //
    },
    prelude::*,
    sync::Arc, //
};

use crate::mapcount::{
    MapCount,
    Mapping, //
};

/// The data of a `trace` file.
pub(crate) struct Trace {
    pages: Arc<CacheInhibitedPages>,
    mappings: Arc<MapCount>,
}

impl Trace {
    pub(crate) fn new(pages: Arc<CacheInhibitedPages>, mappings: Arc<MapCount>) -> Self {
        Self { pages, mappings }
    }
}

#[vtable]
impl MemoryFile for Trace {
    type Mapping = CacheInhibitedMapping<Mapping>;

    fn size(&self) -> usize {
        self.pages.size()
    }

    fn read(&self, pos: usize, len: usize, to: &mut IovIterDest<'_>) {
        self.pages.copy_to_iter(pos, len, to);
    }

    fn mapping(&self) -> Result<Self::Mapping> {
        let mapping = Mapping::new(&self.mappings).ok_or(EIO)?;

        Ok(CacheInhibitedPages::mapping(self.pages.clone(), mapping))
    }
}
