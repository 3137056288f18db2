// SPDX-License-Identifier: GPL-2.0

//! A tracepoint gets what the C side takes.

use kernel::tracepoint::declare_trace;

#[cfg(wrong)]
type Duration = u32;
#[cfg(not(wrong))]
type Duration = u64;

declare_trace! {
    fn memtrace_free(
        node: i32,
        pfn: usize,
        nr_pages: usize,
        duration: Duration, //~ E0308
    );
}

pub(crate) fn program(duration: Duration) {
    memtrace_free(0, 0, 0, duration);
}
