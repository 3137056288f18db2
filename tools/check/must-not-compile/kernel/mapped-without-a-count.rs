// SPDX-License-Identifier: GPL-2.0

//! A process maps pages that it holds a reference to.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(pages: CacheInhibitedPages) -> Result {
    #[cfg(not(wrong))]
    let pages = Arc::new(pages, GFP_KERNEL)?;
    let _ = CacheInhibitedPages::mapping(pages, ()); //~ E0308
    Ok(())
}
