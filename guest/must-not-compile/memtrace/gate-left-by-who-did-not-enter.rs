// SPDX-License-Identifier: GPL-2.0

//! A mapping that is gone was one before.

use crate::mapcount::MapGate;

pub(crate) fn program(gate: &MapGate) {
    #[cfg(wrong)]
    gate.leave(); //~ E0624 leave
    let _ = gate;
}
