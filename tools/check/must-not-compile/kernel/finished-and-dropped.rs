// SPDX-License-Identifier: GPL-2.0

//! What was handed out can no longer be given back by ending the work.

use kernel::{
    powerpc::zeroed::ZeroingPages,
    prelude::*, //
};

pub(crate) fn program(pages: ZeroingPages) {
    let _zeroed = pages.finish();
    #[cfg(wrong)]
    drop(pages); //~ E0382
}
