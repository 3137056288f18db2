// SPDX-License-Identifier: GPL-2.0

//! A range stays what it is.

use kernel::mm::contig::PfnRange;

pub(crate) fn program(mut range: PfnRange, other: PfnRange) -> PfnRange {
    range = other;
    #[cfg(wrong)]
    {
        range.nr_pages += 1; //~ E0616 nr_pages
    }
    range
}
