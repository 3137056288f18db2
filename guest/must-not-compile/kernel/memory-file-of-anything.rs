// SPDX-License-Identifier: GPL-2.0

//! The data of a file that stands for memory says how it is read and mapped.

use kernel::{
    debugfs::{
        Dir,
        MemoryFile, //
    },
    iov::IovIterDest,
    mm::virt::VmaSetup,
    prelude::*, //
};

struct Data;

#[cfg(not(wrong))]
#[vtable]
impl MemoryFile for Data {
    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn mmap(&self, _: VmaSetup<'_>) -> Result {
        Err(ENODEV)
    }
}

pub(crate) fn program(dir: &Dir) {
    let _file = dir.memory_file(c"file", Data); //~ E0277 MemoryFile
}
