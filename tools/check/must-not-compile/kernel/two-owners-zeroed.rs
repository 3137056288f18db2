// SPDX-License-Identifier: GPL-2.0

//! Zeroed pages have one owner.

use kernel::powerpc::zeroed::ZeroedPages;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: ZeroedPages) {
    two(*pages);
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
