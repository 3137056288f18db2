// SPDX-License-Identifier: GPL-2.0

//! A file has a reader's memory during the call that reads, not later.

use core::convert::Infallible;
use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

fn keep(_: &'static IovIterDest<'_>) {}

#[vtable]
impl MemoryFile for Data {
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, to: &mut IovIterDest<'_>) {
        #[cfg(wrong)]
        keep(to); //~ E0521 //~ E0521
        let _ = keep;
    }

    fn mapping(&self) -> Result<Infallible> {
        Err(ENODEV)
    }
}
