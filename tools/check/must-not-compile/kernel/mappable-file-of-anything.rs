// SPDX-License-Identifier: GPL-2.0

//! The data of a file that can be mapped says how.

use core::convert::Infallible;
use kernel::{
    debugfs::{
        BinaryMapper,
        Dir, //
    },
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

#[cfg(not(wrong))]
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

pub(crate) fn program(dir: &Dir<crate::LocalModule>) {
    let _file = dir.read_map_binary_file(c"file", Data); //~ E0277 BinaryMapper
}
