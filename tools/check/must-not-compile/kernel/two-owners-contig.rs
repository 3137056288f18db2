// SPDX-License-Identifier: GPL-2.0

//! Pages have one owner.

use kernel::mm::contig::ContigPages;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: ContigPages) {
    two(*pages);
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
