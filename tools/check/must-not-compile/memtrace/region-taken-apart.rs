// SPDX-License-Identifier: GPL-2.0

//! The memory of a region is taken out of it by freeing it.

use crate::region::Region;

pub(crate) fn program(region: Region) {
    #[cfg(wrong)]
    drop(region.pages); //~ E0616 pages
    #[cfg(not(wrong))]
    drop(region);
}
