// SPDX-License-Identifier: GPL-2.0

//! Any number of tasks read a file at a time.

use core::cell::Cell;
use kernel::{
    debugfs::{
        Dir,
        Writer, //
    },
    fmt, //
};

#[cfg(wrong)]
struct Data(Cell<u64>);
#[cfg(not(wrong))]
struct Data(u64);

impl Writer for Data {
    fn write(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.0;
        Ok(())
    }
}

pub(crate) fn program(dir: &Dir<crate::LocalModule>, data: Data) {
    let _file = dir.read_only_file(c"file", data); //~ E0277 shared
}
