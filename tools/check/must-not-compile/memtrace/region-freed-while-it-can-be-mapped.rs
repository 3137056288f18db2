// SPDX-License-Identifier: GPL-2.0

//! An exposed region is freed when no process has it mapped, or can map it.

use crate::region::ExposedRegion;

pub(crate) fn program(region: ExposedRegion) {
    #[cfg(not(wrong))]
    let Ok(region) = region.close() else {
        return;
    };
    let _ = region.free(); //~ E0599 free
}
