// SPDX-License-Identifier: GPL-2.0

//! Who tries again needs the pages that came back with the error.

use kernel::{
    powerpc::unmapped::UnmappedPages,
    prelude::*, //
};

pub(crate) fn program(pages: UnmappedPages) {
    #[cfg(not(wrong))]
    let Err((pages, _)) = pages.map() else {
        return;
    };
    #[cfg(wrong)]
    let Err(_) = pages.map() else {
        return;
    };
    let _ = pages.map(); //~ E0382
}
