// SPDX-License-Identifier: GPL-2.0

//! Who passes the gate is counted as a mapping of a region.

use crate::mapcount::MapGate;

pub(crate) fn program(gate: &MapGate) {
    #[cfg(wrong)]
    let _ = gate.enter(); //~ E0624 enter
    let _ = gate;
}
