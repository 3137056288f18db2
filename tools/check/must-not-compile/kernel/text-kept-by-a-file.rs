// SPDX-License-Identifier: GPL-2.0

//! A file has what is written to it during that call, not later.

use kernel::{
    debugfs::Reader,
    prelude::*,
    uaccess::UserSliceReader, //
};

struct Data;

fn keep(_: &'static mut UserSliceReader) {}

impl Reader for Data {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        #[cfg(wrong)]
        keep(reader); //~ E0521
        let _ = keep;
        Ok(())
    }
}
