// SPDX-License-Identifier: GPL-2.0

//! What was counted is a mapping, which is counted until it is gone.

use crate::mapcount::MapCount;

pub(crate) fn program(mappings: &MapCount) {
    #[cfg(wrong)]
    let _ = mappings.enter(); //~ E0624 enter
    let _ = mappings;
}
