// SPDX-License-Identifier: GPL-2.0

//! What is told about a node changes under a lock.

use crate::{
    nodes::Selection,
    status::Status, //
};

pub(crate) fn program(status: &Status) {
    status.forget_short(&Selection::all());
    #[cfg(wrong)]
    let _ = status.rows.lock(); //~ E0616 rows
}
