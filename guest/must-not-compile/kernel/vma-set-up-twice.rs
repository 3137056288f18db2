// SPDX-License-Identifier: GPL-2.0

//! A VMA maps one thing.

use kernel::{
    mm::{
        cache_inhibited::CacheInhibitedPages,
        virt::VmaSetup, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: &Arc<CacheInhibitedPages>, vma: VmaSetup<'_>) -> Result {
    CacheInhibitedPages::mmap(pages.clone(), vma, ())?;
    #[cfg(wrong)]
    CacheInhibitedPages::mmap(pages.clone(), vma, ())?; //~ E0382
    Ok(())
}
