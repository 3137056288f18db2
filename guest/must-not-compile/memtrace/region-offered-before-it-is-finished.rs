// SPDX-License-Identifier: GPL-2.0

//! A region is offered when all of it is zeroed and mapped cache-inhibited.

use crate::{
    gate::Gate,
    region::Beginning, //
};
use kernel::{
    debugfs::Dir,
    sync::Arc, //
};

pub(crate) fn program(region: Beginning, gate: &Arc<Gate>, dir: &Dir) {
    #[cfg(not(wrong))]
    let Ok(region) = region.finish(gate) else {
        return;
    };
    let _ = (region.offer(dir), gate); //~ E0599 offer
}
