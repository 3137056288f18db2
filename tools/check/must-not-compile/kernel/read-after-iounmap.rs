// SPDX-License-Identifier: GPL-2.0

//! Nobody reads through a mapping that is gone.

use kernel::{
    iov::IovIterDest,
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>, to: &mut IovIterDest<'_>) -> usize {
    #[cfg(wrong)]
    drop(CacheInhibitedPages::iounmap(pages));
    pages.copy_to_iter(0, 1, to) //~ E0382
}
