// SPDX-License-Identifier: GPL-2.0

//! A region is mapped through a gate.

use crate::{
    mapcount::MapGate,
    region::Clearing, //
};
use kernel::sync::Arc;

pub(crate) fn program(region: Clearing, gate: &Arc<MapGate>) {
    #[cfg(wrong)]
    let _ = region.flush(); //~ E0061
    #[cfg(not(wrong))]
    let _ = region.flush(gate);
}
