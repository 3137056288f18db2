// SPDX-License-Identifier: GPL-2.0

//! A region is exposed when no line of it is in a cache any more.

use crate::{
    region::Flushing,
    Dir, //
};

pub(crate) fn program(region: Flushing, dir: &Dir) {
    #[cfg(not(wrong))]
    let Ok(region) = region.finish() else {
        return;
    };
    let _ = region.expose(dir); //~ E0599 expose
}
