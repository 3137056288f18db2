// SPDX-License-Identifier: GPL-2.0

//! An open file holds its module, which #[vtable] names.

use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

struct Data;

#[cfg_attr(not(wrong), vtable)]
#[rustfmt::skip]
impl TextFile for Data { //~ E0046 OwnerModule
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
