// SPDX-License-Identifier: GPL-2.0

//! A region is reopened once, or else it would reopen for who closes it next.

use crate::region::ClosedRegion;

pub(crate) fn program(region: ClosedRegion) {
    drop(region.reopen());
    #[cfg(wrong)]
    drop(region.reopen()); //~ E0382
}
