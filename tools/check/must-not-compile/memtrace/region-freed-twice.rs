// SPDX-License-Identifier: GPL-2.0

//! A region is freed once.

use crate::region::Region;

pub(crate) fn program(region: Region) {
    let _ = region.free();
    #[cfg(wrong)]
    let _ = region.free(); //~ E0382
}
