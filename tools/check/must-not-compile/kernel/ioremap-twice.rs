// SPDX-License-Identifier: GPL-2.0

//! Pages are mapped cache-inhibited once.

use kernel::{
    powerpc::unmapped::UnmappedPages,
    prelude::*, //
};

pub(crate) fn program(pages: UnmappedPages) {
    let _one = pages.ioremap();
    #[cfg(wrong)]
    let _two = pages.ioremap(); //~ E0382
}
