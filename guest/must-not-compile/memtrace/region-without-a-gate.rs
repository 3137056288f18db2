// SPDX-License-Identifier: GPL-2.0

//! A region is mapped through a gate.

use crate::{
    mapcount::MapGate,
    region::Zeroing, //
};
use kernel::sync::Arc;

pub(crate) fn program(region: Zeroing, gate: &Arc<MapGate>) {
    #[cfg(wrong)]
    let _ = region.flush(); //~ E0061
    #[cfg(not(wrong))]
    let _ = region.flush(gate);
}
