// SPDX-License-Identifier: GPL-2.0

//! A gate is opened by who has closed it.

use crate::gate::{
    Closed,
    Gate, //
};
use kernel::prelude::*;

pub(crate) fn program(gate: &Gate) -> Result {
    #[cfg(wrong)]
    let closed = Closed(gate); //~ E0423
    #[cfg(not(wrong))]
    let closed: Closed<'_> = gate.close()?;
    drop(closed);
    Ok(())
}
