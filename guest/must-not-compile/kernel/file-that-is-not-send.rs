// SPDX-License-Identifier: GPL-2.0

//! A file is removed by any task.

use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

struct Data(#[cfg(wrong)] *const u8);

// SAFETY: The pointer is not followed.
unsafe impl Sync for Data {}

#[vtable]
#[rustfmt::skip]
impl TextFile for Data { //~ E0277 sent
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}
