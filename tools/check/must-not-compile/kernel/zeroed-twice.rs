// SPDX-License-Identifier: GPL-2.0

//! Workers are at pages once.

use kernel::{
    mm::contig::ContigPages,
    prelude::*, //
};

pub(crate) fn program(pages: ContigPages) {
    let _one = pages.zero();
    #[cfg(wrong)]
    let _two = pages.zero(); //~ E0382
}
