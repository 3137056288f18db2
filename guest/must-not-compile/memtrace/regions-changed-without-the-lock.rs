// SPDX-License-Identifier: GPL-2.0

//! Regions come and go under the lock of the file.

use crate::enable::Enable;

pub(crate) fn program(enable: &Enable) {
    #[cfg(wrong)]
    let _ = enable.regions.lock(); //~ E0616 regions
    let _ = enable;
}
