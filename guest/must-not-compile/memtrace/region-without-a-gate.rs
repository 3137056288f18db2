// SPDX-License-Identifier: GPL-2.0

//! A region is mapped through a gate.

use crate::{
    gate::Gate,
    region::Beginning, //
};
use kernel::sync::Arc;

pub(crate) fn program(region: Beginning, gate: &Arc<Gate>) {
    #[cfg(wrong)]
    let _ = region.finish(); //~ E0061
    #[cfg(not(wrong))]
    let _ = region.finish(gate);
}
