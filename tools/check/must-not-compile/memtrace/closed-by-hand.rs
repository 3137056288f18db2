// SPDX-License-Identifier: GPL-2.0

//! Mappings are prevented only if there are none.

use crate::mapcount::{
    ClosedMapCount,
    MapCount, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

pub(crate) fn program(mappings: Arc<MapCount>) -> Result<ClosedMapCount> {
    #[cfg(wrong)]
    return Ok(ClosedMapCount(mappings)); //~ E0423
    #[cfg(not(wrong))]
    ClosedMapCount::new(&mappings)
}
