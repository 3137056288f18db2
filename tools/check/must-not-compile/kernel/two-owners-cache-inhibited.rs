// SPDX-License-Identifier: GPL-2.0

//! Pages that are in use have one owner, which is counted.

use kernel::{
    powerpc::cache_inhibited::CacheInhibitedPages,
    sync::Arc, //
};

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(counted: Arc<CacheInhibitedPages>, pages: CacheInhibitedPages) {
    two(counted);
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
