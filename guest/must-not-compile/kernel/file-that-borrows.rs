// SPDX-License-Identifier: GPL-2.0

//! A file can stay longer than what borrows.

use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

struct Data<'a>(&'a u64);

#[cfg(wrong)]
type Any<'a> = Data<'a>;
#[cfg(not(wrong))]
type Any<'a> = Data<'static>;

#[vtable]
#[rustfmt::skip]
impl<'a> TextFile for Any<'a> { //~ E0478 //~ E0803
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.0)
    }
}
