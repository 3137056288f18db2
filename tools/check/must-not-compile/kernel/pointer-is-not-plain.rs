// SPDX-License-Identifier: GPL-2.0

//! A pointer gives access, once C code follows it.

use kernel::tracepoint::PlainValue;

fn plain<T: PlainValue>(_: T) {}

pub(crate) fn program(value: *const u64) {
    plain(value.addr());
    #[cfg(wrong)]
    plain(value); //~ E0277 PlainValue
}
