// SPDX-License-Identifier: GPL-2.0

//! Any number of tasks read and map a file at a time.

use core::{
    cell::Cell,
    convert::Infallible, //
};
use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    prelude::*, //
};

#[cfg(wrong)]
struct Data(Cell<u64>);
#[cfg(not(wrong))]
struct Data(u64);

#[vtable]
#[rustfmt::skip]
impl MemoryFile for Data { //~ E0277 shared
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn mapping(&self) -> Result<Infallible> {
        Err(ENODEV)
    }
}
