// SPDX-License-Identifier: GPL-2.0

//! A gate is opened once, or else it would open for who closes it next.

use crate::mapcount::MapGate;
use kernel::prelude::*;

pub(crate) fn program(gate: &MapGate) -> Result {
    let closed = gate.close()?;
    drop(closed);
    #[cfg(wrong)]
    drop(closed); //~ E0382
    Ok(())
}
