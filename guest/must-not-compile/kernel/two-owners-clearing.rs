// SPDX-License-Identifier: GPL-2.0

//! Pages that are being zeroed have one owner.

use kernel::mm::cleared::ClearingPages;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: ClearingPages) {
    two(());
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
