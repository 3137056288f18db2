// SPDX-License-Identifier: GPL-2.0

//! The data of a file goes with it.

use kernel::{
    debugfs::File,
    prelude::*, //
};

pub(crate) fn program(file: Pin<KBox<File<u64>>>) -> u64 {
    let data: &u64 = &file;
    #[cfg(wrong)]
    drop(file); //~ E0505
    *data
}
