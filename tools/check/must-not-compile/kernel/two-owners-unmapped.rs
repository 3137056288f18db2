// SPDX-License-Identifier: GPL-2.0

//! Unmapped pages have one owner.

use kernel::powerpc::unmapped::UnmappedPages;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: UnmappedPages) {
    two(*pages);
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
