// SPDX-License-Identifier: GPL-2.0

//! The tracepoints of `include/trace/events/memtrace.h`, for `perf` and ftrace.

use kernel::{
    alloc::NumaNode,
    mm::contig::PfnRange,
    prelude::*,
    time::Delta,
    tracepoint::declare_trace, //
};

declare_trace! {
    fn memtrace_alloc(node: i32, pfn: usize, nr_pages: usize, duration: u64);
    fn memtrace_free(node: i32, pfn: usize, nr_pages: usize, duration: u64);
    fn memtrace_fail(node: i32, pfn: usize, nr_pages: usize, duration: u64, error: i32);
}

/// A region was allocated.
pub(crate) fn alloc(node: NumaNode, range: PfnRange, duration: Delta) {
    memtrace_alloc(
        node.id(),
        range.start_pfn(),
        range.nr_pages(),
        duration.as_nanos() as u64,
    );
}

/// A region was freed.
pub(crate) fn free(node: NumaNode, range: PfnRange, duration: Delta) {
    memtrace_free(
        node.id(),
        range.start_pfn(),
        range.nr_pages(),
        duration.as_nanos() as u64,
    );
}

/// A region could not be allocated or freed. `pfn` is 0 if there is no region.
pub(crate) fn fail(node: NumaNode, pfn: usize, nr_pages: usize, duration: Delta, error: Error) {
    memtrace_fail(
        node.id(),
        pfn,
        nr_pages,
        duration.as_nanos() as u64,
        error.to_errno(),
    );
}
