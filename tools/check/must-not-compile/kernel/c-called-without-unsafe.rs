// SPDX-License-Identifier: GPL-2.0

//! Who goes round the types says so.

use kernel::{
    bindings,
    mm::contig::PfnRange, //
};

pub(crate) fn program(range: PfnRange) {
    #[cfg(wrong)]
    bindings::set_pages_offline(range.start_pfn(), range.nr_pages()); //~ E0133
    #[cfg(not(wrong))]
    // SAFETY: This is never run.
    unsafe {
        bindings::set_pages_offline(range.start_pfn(), range.nr_pages())
    };
}
