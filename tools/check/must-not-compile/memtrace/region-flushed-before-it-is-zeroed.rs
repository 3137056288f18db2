// SPDX-License-Identifier: GPL-2.0

//! A region is finished when its lines were flushed, not when it is zeroed.

use crate::region::Zeroing;

pub(crate) fn program(region: Zeroing) {
    #[cfg(not(wrong))]
    let Ok(region) = region.flush() else {
        return;
    };
    let _ = region.finish(); //~ E0599 finish
}
