// SPDX-License-Identifier: GPL-2.0

//! The data of a file that stands for memory says how it is read and mapped.

use core::convert::Infallible;
use kernel::{
    debugfs::{
        Dir,
        MemoryFile, //
    },
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

#[cfg(not(wrong))]
#[vtable]
impl MemoryFile for Data {
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn mapping(&self) -> Result<Infallible> {
        Err(ENODEV)
    }
}

pub(crate) fn program(dir: &Dir) {
    let _file = dir.memory_file(c"file", Data); //~ E0277 MemoryFile
}
