// SPDX-License-Identifier: GPL-2.0

//! A file has what is written to it during that call, not later.

use kernel::{
    debugfs::TextFile,
    fmt,
    prelude::*, //
};

struct Data;

fn keep(_: &'static CStr) {}

#[vtable]
impl TextFile for Data {
    fn show(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    fn store(&self, text: &CStr) -> Result {
        #[cfg(wrong)]
        keep(text); //~ E0521
        let _ = (text, keep);
        Ok(())
    }
}
