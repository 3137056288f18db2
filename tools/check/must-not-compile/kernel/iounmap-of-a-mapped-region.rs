// SPDX-License-Identifier: GPL-2.0

//! Pages are taken from all who share them by nobody: each mapping has a share.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<CacheInhibitedPages>) {
    #[cfg(wrong)]
    drop::<CacheInhibitedPages>(*pages); //~ E0507
    #[cfg(not(wrong))]
    drop(CacheInhibitedPages::iounmap(pages));
}
