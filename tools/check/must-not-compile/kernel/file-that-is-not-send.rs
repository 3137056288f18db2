// SPDX-License-Identifier: GPL-2.0

//! A file is removed by any task.

use kernel::{
    debugfs::{
        Dir,
        Writer, //
    },
    fmt, //
};

struct Data(#[cfg(wrong)] *const u8);

// SAFETY: The pointer is not followed.
unsafe impl Sync for Data {}

impl Writer for Data {
    fn write(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

pub(crate) fn program(dir: &Dir<crate::LocalModule>, data: Data) {
    let _file = dir.read_only_file(c"file", data); //~ E0277 sent
}
