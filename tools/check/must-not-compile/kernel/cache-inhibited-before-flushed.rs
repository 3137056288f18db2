// SPDX-License-Identifier: GPL-2.0

//! What is mapped cache-inhibited may have lines in a cache, and is not read yet.

use kernel::{
    iov::IovIterDest,
    powerpc::cache_inhibited::{
        FlushingPages,
        IoremappedPages, //
    },
    prelude::*, //
};

pub(crate) fn program(pages: IoremappedPages, iter: &mut IovIterDest<'_>) -> Result<usize> {
    #[cfg(not(wrong))]
    let pages = pages
        .flush()
        .and_then(FlushingPages::finish)
        .map_err(|(_, e)| e)?;
    Ok(pages.copy_to_iter(0, 1, iter)) //~ E0599 copy_to_iter
}
