// SPDX-License-Identifier: GPL-2.0

//! An open file holds a module, which its directory names.

use kernel::debugfs::Dir;

#[cfg(wrong)]
type Module = u64;
#[cfg(not(wrong))]
type Module = crate::LocalModule;

pub(crate) fn program() {
    let _dir = Dir::<Module>::new(c"dir"); //~ E0599
}
