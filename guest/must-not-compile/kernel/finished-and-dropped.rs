// SPDX-License-Identifier: GPL-2.0

//! What was handed out can no longer be given back by ending the work.

use kernel::{
    mm::cleared::ClearingPages,
    prelude::*, //
};

pub(crate) fn program(pages: ClearingPages) {
    let _cleared = pages.finish();
    #[cfg(wrong)]
    drop(pages); //~ E0382
}
