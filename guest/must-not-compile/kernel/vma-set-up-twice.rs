// SPDX-License-Identifier: GPL-2.0

//! A VMA maps one thing.

use kernel::{
    mm::{
        uncached::UncachedPages,
        virt::VmaUnclaimed, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: &Arc<UncachedPages>, vma: VmaUnclaimed<'_>) -> Result {
    UncachedPages::mmap(pages.clone(), vma, ())?;
    #[cfg(wrong)]
    UncachedPages::mmap(pages.clone(), vma, ())?; //~ E0382
    Ok(())
}
