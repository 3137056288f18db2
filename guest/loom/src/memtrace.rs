// SPDX-License-Identifier: GPL-2.0

//! The part of the driver.

#[path = "../../../rust/memtrace/gate.rs"]
mod gate;

mod tests;
