// SPDX-License-Identifier: GPL-2.0

//! A text file can be read.

use kernel::{
    debugfs::Writer,
    fmt, //
};

struct Data;

#[rustfmt::skip]
impl Writer for Data { //~ E0046 write
    #[cfg(not(wrong))]
    fn write(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
