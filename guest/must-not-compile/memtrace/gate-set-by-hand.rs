// SPDX-License-Identifier: GPL-2.0

//! How many mappings there are is counted by the gate itself.

use crate::mapcount::MapGate;
use kernel::{
    prelude::*,
    sync::atomic::Relaxed, //
};

pub(crate) fn program(gate: &MapGate) -> Result {
    #[cfg(wrong)]
    gate.0.store(0, Relaxed); //~ E0616
    #[cfg(not(wrong))]
    let _ = (gate.close()?, Relaxed);
    Ok(())
}
