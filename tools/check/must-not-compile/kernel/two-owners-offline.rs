// SPDX-License-Identifier: GPL-2.0

//! Offline pages have one owner.

use kernel::{
    mm::offline::OfflinePages,
    powerpc::zeroed::ZeroedPages, //
};

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(pages: OfflinePages<ZeroedPages>) {
    two(*pages);
    #[cfg(wrong)]
    two(pages); //~ E0277 Clone
}
