// SPDX-License-Identifier: GPL-2.0

//! A mapping is one that was counted.

use crate::mapcount::{
    MapCount,
    Mapping, //
};
use kernel::sync::Arc;

pub(crate) fn program(mappings: Arc<MapCount>) -> Option<Mapping> {
    #[cfg(wrong)]
    return Some(Mapping(mappings)); //~ E0423
    #[cfg(not(wrong))]
    Mapping::new(&mappings)
}
