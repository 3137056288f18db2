// SPDX-License-Identifier: GPL-2.0

//! A file has a reader's memory during the call that reads, not later.

use core::convert::Infallible;
use kernel::{
    debugfs::BinaryMapper,
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

fn keep(_: &'static IovIterDest<'_>) {}

impl BinaryMapper for Data {
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn write_to_iter(&self, _: usize, _: usize, iter: &mut IovIterDest<'_>) {
        #[cfg(wrong)]
        keep(iter); //~ E0521 //~ E0521
        let _ = keep;
    }

    fn map(&self) -> Result<Infallible> {
        Err(ENODEV)
    }
}
