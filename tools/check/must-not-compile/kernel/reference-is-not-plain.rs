// SPDX-License-Identifier: GPL-2.0

//! A reference gives access to what it refers to.

use kernel::tracepoint::PlainValue;

fn plain<T: PlainValue>(_: T) {}

pub(crate) fn program(value: &u64) {
    plain(*value);
    #[cfg(wrong)]
    plain(value); //~ E0277 PlainValue
}
