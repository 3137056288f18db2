// SPDX-License-Identifier: GPL-2.0

//! A region that was given back is nowhere.

use crate::region::Region;
use kernel::mm::contig::PfnRange;

pub(crate) fn program(region: Region) -> PfnRange {
    #[cfg(not(wrong))]
    let Err(region) = region.give_back() else {
        panic!();
    };
    #[cfg(wrong)]
    let Err(_) = region.give_back() else {
        panic!();
    };
    region.range() //~ E0382
}
