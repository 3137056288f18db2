// SPDX-License-Identifier: GPL-2.0

//! Who only looks at pages does not end their mapping.

use kernel::{
    mm::{
        uncached::UncachedPages,
        unmapped::UnmappedPages, //
    },
    sync::Arc, //
};

pub(crate) fn program(pages: &Arc<UncachedPages>) -> Option<UnmappedPages> {
    #[cfg(not(wrong))]
    let pages = pages.clone();
    UncachedPages::iounmap(pages) //~ E0308
}
