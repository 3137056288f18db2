// SPDX-License-Identifier: GPL-2.0

//! A gate is closed by one.

use crate::mapcount::ClosedGate;

fn two<T: Clone>(one: T) -> (T, T) {
    (one.clone(), one)
}

pub(crate) fn program(closed: ClosedGate<'_>) {
    two(());
    #[cfg(wrong)]
    two(closed); //~ E0277 Clone
}
