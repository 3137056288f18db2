// SPDX-License-Identifier: GPL-2.0

//! The data of a text file says how it is read.

use kernel::{
    debugfs::{
        Dir,
        Writer, //
    },
    fmt, //
};

struct Data;

#[cfg(not(wrong))]
impl Writer for Data {
    fn write(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn program(dir: &Dir<crate::LocalModule>) {
    let _file = dir.read_only_file(c"file", Data); //~ E0277
}
