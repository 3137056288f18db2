// SPDX-License-Identifier: GPL-2.0

//! Pages that are being zeroed do not show where they are.

use kernel::{
    powerpc::zeroed::ZeroingPages,
    prelude::*, //
};

pub(crate) fn program(pages: ZeroingPages) -> Result<usize> {
    #[cfg(not(wrong))]
    let pages = pages.finish()?;
    Ok(pages.start_pfn()) //~ E0599 start_pfn
}
