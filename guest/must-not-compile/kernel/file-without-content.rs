// SPDX-License-Identifier: GPL-2.0

//! A text file can be read.

use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

struct Data;

#[vtable]
#[rustfmt::skip]
impl TextFile for Data { //~ E0046 show
    #[cfg(not(wrong))]
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
