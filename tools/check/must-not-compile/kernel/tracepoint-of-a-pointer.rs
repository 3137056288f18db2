// SPDX-License-Identifier: GPL-2.0

//! A tracepoint that gets a pointer is not safe. The C side of this one gets a number, which is the
//! second error.

use kernel::tracepoint::declare_trace;

#[cfg(wrong)]
type Node = *const i32;
#[cfg(not(wrong))]
type Node = i32;

declare_trace! { //~ E0277 PlainValue
    fn memtrace_free(
        node: Node, //~ E0308
        pfn: usize,
        nr_pages: usize,
        duration: u64,
    );
}

pub(crate) fn program(node: Node) {
    memtrace_free(node, 0, 0, 0);
}
