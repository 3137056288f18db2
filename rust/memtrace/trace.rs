// SPDX-License-Identifier: GPL-2.0

//! The `<node>/trace` file, through which processes read and map a region.

use kernel::{
    debugfs::BinaryMapper,
    iov::IovIterDest,
    powerpc::cache_inhibited::{
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

impl BinaryMapper for Trace {
    type Mapping = CacheInhibitedMapping<Mapping>;

    fn size(&self) -> usize {
        self.pages.size()
    }

    fn write_to_iter(&self, offset: usize, len: usize, iter: &mut IovIterDest<'_>) {
        self.pages.copy_to_iter(offset, len, iter);
    }

    fn map(&self) -> Result<Self::Mapping> {
        let mapping = Mapping::new(&self.mappings).ok_or(EIO)?;

        Ok(CacheInhibitedPages::mapping(self.pages.clone(), mapping))
    }
}
