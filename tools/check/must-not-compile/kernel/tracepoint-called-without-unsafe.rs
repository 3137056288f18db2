// SPDX-License-Identifier: GPL-2.0

//! A tracepoint that is declared unsafe is called so.

use kernel::tracepoint::declare_trace;

declare_trace! {
    /// # Safety
    ///
    /// None.
    unsafe fn memtrace_free(node: i32, pfn: usize, nr_pages: usize, duration: u64);
}

pub(crate) fn program() {
    #[cfg(wrong)]
    memtrace_free(0, 0, 0, 0); //~ E0133
    #[cfg(not(wrong))]
    // SAFETY: No requirements.
    unsafe {
        memtrace_free(0, 0, 0, 0)
    };
}
