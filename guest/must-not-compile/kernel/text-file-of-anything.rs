// SPDX-License-Identifier: GPL-2.0

//! The data of a text file says how it is read.

use kernel::{
    debugfs::{
        Dir,
        TextFile, //
    },
    fmt,
    prelude::*, //
};

struct Data;

#[cfg(not(wrong))]
#[vtable]
impl TextFile for Data {
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn program(dir: &Dir) {
    let _file = dir.text_file(c"file", Data); //~ E0277 TextFile
}
