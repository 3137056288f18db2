// SPDX-License-Identifier: GPL-2.0

//! The data of a file stays where the file's operations look for it.

use kernel::{
    debugfs::File,
    prelude::*, //
};

pub(crate) fn program(file: Pin<KBox<File<u64>>>) {
    #[cfg(wrong)]
    let _file = Pin::into_inner(file); //~ E0277 Unpin
    #[cfg(not(wrong))]
    let _file = file;
}
