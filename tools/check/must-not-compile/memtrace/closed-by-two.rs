// SPDX-License-Identifier: GPL-2.0

//! Mappings are prevented by one, who also frees the region.

use crate::mapcount::ClosedMapCount;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(closed: ClosedMapCount) {
    two(());
    #[cfg(wrong)]
    two(closed); //~ E0277 Clone
}
