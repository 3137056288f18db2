// SPDX-License-Identifier: GPL-2.0

//! A region is offered once.

use crate::region::Region;
use kernel::debugfs::Dir;

pub(crate) fn program(region: Region, dir: &Dir) {
    let _ = region.offer(dir);
    #[cfg(wrong)]
    let _ = region.offer(dir); //~ E0382
}
