// SPDX-License-Identifier: GPL-2.0

//! A region that was freed is nowhere.

use crate::region::UnmappedRegion;
use kernel::mm::contig::PfnRange;

pub(crate) fn program(region: UnmappedRegion) -> PfnRange {
    #[cfg(not(wrong))]
    let Err(region) = region.free() else {
        panic!();
    };
    #[cfg(wrong)]
    let Err(_) = region.free() else {
        panic!();
    };
    region.range() //~ E0382
}
