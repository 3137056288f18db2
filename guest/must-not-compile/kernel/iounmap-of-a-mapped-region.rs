// SPDX-License-Identifier: GPL-2.0

//! Pages are taken from all who share them by nobody: each mapping has a share.

use kernel::{
    mm::uncached::UncachedPages,
    sync::Arc, //
};

pub(crate) fn program(pages: Arc<UncachedPages>) {
    #[cfg(wrong)]
    drop::<UncachedPages>(*pages); //~ E0507
    #[cfg(not(wrong))]
    drop(UncachedPages::iounmap(pages));
}
