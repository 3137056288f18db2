// SPDX-License-Identifier: GPL-2.0

//! A mapping has a guard.

use kernel::{
    mm::{
        uncached::UncachedPages,
        virt::VmaUnclaimed, //
    },
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<UncachedPages>, vma: VmaUnclaimed<'_>, guard: u8) -> Result {
    #[cfg(wrong)]
    return UncachedPages::mmap(pages, vma); //~ E0061
    #[cfg(not(wrong))]
    UncachedPages::mmap(pages, vma, guard)
}
