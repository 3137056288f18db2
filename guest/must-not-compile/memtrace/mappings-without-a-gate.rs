// SPDX-License-Identifier: GPL-2.0

//! All mappings pass a gate.

use crate::mapcount::{
    MapCount,
    MapGate, //
};
use kernel::sync::Arc;

pub(crate) fn program(gate: Arc<MapGate>) -> MapCount {
    #[cfg(wrong)]
    return MapCount::new(); //~ E0061
    #[cfg(not(wrong))]
    MapCount::new(gate)
}
