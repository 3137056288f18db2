// SPDX-License-Identifier: GPL-2.0

//! A region is exposed once.

use crate::{
    region::Region,
    Dir, //
};

pub(crate) fn program(region: Region, dir: &Dir) {
    let _ = region.expose(dir);
    #[cfg(wrong)]
    let _ = region.expose(dir); //~ E0382
}
