// SPDX-License-Identifier: GPL-2.0

//! The part of the driver.

#[path = "../../../../rust/memtrace/mapcount.rs"]
mod mapcount;

mod tests;
