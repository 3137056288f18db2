// SPDX-License-Identifier: GPL-2.0

//! A mapping that was forked is shared by tasks, and its guard with it.

use core::cell::Cell;
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
    let guard = Cell::new(guard);
    UncachedPages::mmap(pages, vma, guard) //~ E0277 shared
}
