// SPDX-License-Identifier: GPL-2.0

//! A region is given back once.

use crate::region::Region;

pub(crate) fn program(region: Region) {
    let _ = region.give_back();
    #[cfg(wrong)]
    let _ = region.give_back(); //~ E0382
}
