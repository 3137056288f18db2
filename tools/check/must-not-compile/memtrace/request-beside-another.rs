// SPDX-License-Identifier: GPL-2.0

//! Memory is freed by requests, of which there is one at a time.

use crate::{
    enable::Enable,
    nodes::Selection, //
};

pub(crate) fn program(enable: &Enable) {
    #[cfg(wrong)]
    let _ = enable.free_all(&Selection::all()); //~ E0624 free_all
    let _ = (enable, Selection::all());
}
