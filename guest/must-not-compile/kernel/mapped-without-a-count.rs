// SPDX-License-Identifier: GPL-2.0

//! A process maps pages that it holds a reference to.

use kernel::{
    mm::{
        uncached::UncachedPages,
        virt::VmaUnclaimed, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: UncachedPages, vma: VmaUnclaimed<'_>) -> Result {
    #[cfg(not(wrong))]
    let pages = Arc::new(pages, GFP_KERNEL)?;
    UncachedPages::mmap(pages, vma, ()) //~ E0308
}
