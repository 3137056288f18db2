// SPDX-License-Identifier: GPL-2.0

//! A mapping that is gone was one before.

use crate::gate::Gate;

pub(crate) fn program(gate: &Gate) {
    #[cfg(wrong)]
    gate.leave(); //~ E0624 leave
    let _ = gate;
}
