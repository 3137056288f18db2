// SPDX-License-Identifier: GPL-2.0

//! The work and its pages stay together.

use kernel::powerpc::zeroed::ZeroingPages;

pub(crate) fn program(pages: ZeroingPages) {
    #[cfg(wrong)]
    let _work = pages.0; //~ E0616
    #[cfg(not(wrong))]
    let _work = pages;
}
