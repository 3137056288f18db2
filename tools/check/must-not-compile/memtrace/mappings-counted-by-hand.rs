// SPDX-License-Identifier: GPL-2.0

//! The mappings of a region are counted as they come and go.

use crate::mapcount::MapCount;
use kernel::sync::atomic::Relaxed;

pub(crate) fn program(mappings: &MapCount) -> usize {
    #[cfg(wrong)]
    mappings.0.store(0, Relaxed); //~ E0616
    let _ = Relaxed;
    mappings.count()
}
