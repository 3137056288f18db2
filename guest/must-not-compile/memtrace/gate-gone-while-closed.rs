// SPDX-License-Identifier: GPL-2.0

//! A gate stays for as long as it is closed.

use crate::mapcount::MapGate;
use kernel::prelude::*;

pub(crate) fn program(gate: KBox<MapGate>) -> Result {
    let closed = gate.close()?;
    #[cfg(wrong)]
    drop(gate); //~ E0505
    drop(closed);
    Ok(())
}
