// SPDX-License-Identifier: GPL-2.0

//! A file can stay longer than what borrows.

use kernel::debugfs::Dir;

pub(crate) fn program(dir: &Dir<crate::LocalModule>) {
    let number = 1;

    #[cfg(wrong)]
    let _file = dir.read_only_file(c"file", &number); //~ E0597
    #[cfg(not(wrong))]
    let _file = dir.read_only_file(c"file", number);
}
