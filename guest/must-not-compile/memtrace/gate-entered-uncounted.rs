// SPDX-License-Identifier: GPL-2.0

//! Who passes the gate is counted as a mapping of a region.

use crate::gate::Gate;

pub(crate) fn program(gate: &Gate) {
    #[cfg(wrong)]
    let _ = gate.enter(); //~ E0624 enter
    let _ = gate;
}
