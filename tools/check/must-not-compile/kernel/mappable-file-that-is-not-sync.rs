// SPDX-License-Identifier: GPL-2.0

//! Any number of tasks read and map a file at a time.

use core::{
    cell::Cell,
    convert::Infallible, //
};
use kernel::{
    debugfs::{
        BinaryMapper,
        Dir, //
    },
    iov::IovIterDest,
    prelude::*, //
};

#[cfg(wrong)]
struct Data(Cell<u64>);
#[cfg(not(wrong))]
struct Data(u64);

impl BinaryMapper for Data {
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn write_to_iter(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn map(&self) -> Result<Infallible> {
        Err(ENODEV)
    }
}

pub(crate) fn program(dir: &Dir<crate::LocalModule>, data: Data) {
    let _file = dir.read_map_binary_file(c"file", data); //~ E0277 shared
}
