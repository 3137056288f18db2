// SPDX-License-Identifier: GPL-2.0

//! A mapping that is gone was one before.

use crate::mapcount::MapCount;

pub(crate) fn program(mappings: &MapCount) {
    #[cfg(wrong)]
    mappings.leave(); //~ E0624 leave
    let _ = mappings;
}
