// SPDX-License-Identifier: GPL-2.0

//! Tracepoints, for `perf` and ftrace: those of `include/trace/events/memtrace.h`.

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

/// A node gave a region.
pub(crate) fn alloc(node: NumaNode, range: PfnRange, took: Delta) {
    memtrace_alloc(
        node.id(),
        range.start_pfn(),
        range.nr_pages(),
        took.as_nanos() as u64,
    );
}

/// A region was given back.
pub(crate) fn free(node: NumaNode, range: PfnRange, took: Delta) {
    memtrace_free(
        node.id(),
        range.start_pfn(),
        range.nr_pages(),
        took.as_nanos() as u64,
    );
}

/// A node gave no region, or could not take one back. Without a region `pfn` is 0.
pub(crate) fn fail(node: NumaNode, pfn: usize, nr_pages: usize, took: Delta, error: Error) {
    memtrace_fail(
        node.id(),
        pfn,
        nr_pages,
        took.as_nanos() as u64,
        error.to_errno(),
    );
}
