// SPDX-License-Identifier: GPL-2.0

//! Pages that are being zeroed have one owner.

use kernel::powerpc::zeroed::ZeroingPages;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: ZeroingPages) {
    two(());
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
