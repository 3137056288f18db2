// SPDX-License-Identifier: GPL-2.0

//! Any number of tasks read a file at a time.

use core::cell::Cell;
use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

#[cfg(wrong)]
struct Data(Cell<u64>);
#[cfg(not(wrong))]
struct Data(u64);

#[vtable]
#[rustfmt::skip]
impl TextFile for Data { //~ E0277 shared
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = &self.0;
        Ok(())
    }
}
