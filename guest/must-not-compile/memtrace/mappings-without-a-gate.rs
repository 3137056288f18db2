// SPDX-License-Identifier: GPL-2.0

//! All mappings pass a gate.

use crate::gate::{
    Gate,
    Mappings, //
};
use kernel::sync::Arc;

pub(crate) fn program(gate: Arc<Gate>) -> Mappings {
    #[cfg(wrong)]
    return Mappings::new(); //~ E0061
    #[cfg(not(wrong))]
    Mappings::new(gate)
}
