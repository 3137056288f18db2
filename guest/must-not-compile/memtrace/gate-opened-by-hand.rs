// SPDX-License-Identifier: GPL-2.0

//! A gate is opened by who has closed it.

use crate::mapcount::{
    ClosedGate,
    MapGate, //
};
use kernel::prelude::*;

pub(crate) fn program(gate: &MapGate) -> Result {
    #[cfg(wrong)]
    let closed = ClosedGate(gate); //~ E0423
    #[cfg(not(wrong))]
    let closed: ClosedGate<'_> = gate.close()?;
    drop(closed);
    Ok(())
}
