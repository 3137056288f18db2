// SPDX-License-Identifier: GPL-2.0

//! A region has one owner.

use crate::region::Region;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(region: Region) {
    two(region.range());
    #[cfg(wrong)]
    two(region); //~ E0277 Clone
}
