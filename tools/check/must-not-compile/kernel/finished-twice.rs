// SPDX-License-Identifier: GPL-2.0

//! The workers hand out the pages once.

use kernel::{
    powerpc::zeroed::ZeroingPages,
    prelude::*, //
};

pub(crate) fn program(pages: ZeroingPages) {
    let _one = pages.finish();
    #[cfg(wrong)]
    let _two = pages.finish(); //~ E0382
}
