// SPDX-License-Identifier: GPL-2.0

//! A mapping lives on after the call that sets it up, so its guard borrows nothing.

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
    let guard = &guard; //~ E0597
    UncachedPages::mmap(pages, vma, guard)
}
