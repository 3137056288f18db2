// SPDX-License-Identifier: GPL-2.0

//! Pages are not read while their lines are being flushed.

use kernel::{
    iov::IovIterDest,
    powerpc::cache_inhibited::FlushingPages,
    prelude::*, //
};

pub(crate) fn program(pages: FlushingPages, iter: &mut IovIterDest<'_>) -> Result<usize> {
    #[cfg(not(wrong))]
    let pages = pages.finish().map_err(|(_, e)| e)?;
    Ok(pages.copy_to_iter(0, 1, iter)) //~ E0599 copy_to_iter
}
