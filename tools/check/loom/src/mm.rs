// SPDX-License-Identifier: GPL-2.0

//! What work on pages stands on, and that work.

pub(crate) mod contig {
    use std::ops::Range;

    #[derive(Clone, Copy)]
    pub(crate) struct PfnRange {
        start_pfn: usize,
        nr_pages: usize,
    }

    impl PfnRange {
        pub(crate) fn new(start_pfn: usize, nr_pages: usize) -> Self {
            Self {
                start_pfn,
                nr_pages,
            }
        }

        pub(crate) fn start_pfn(&self) -> usize {
            self.start_pfn
        }

        pub(crate) fn nr_pages(&self) -> usize {
            self.nr_pages
        }

        pub(crate) fn pfns(&self) -> Range<usize> {
            self.start_pfn..self.start_pfn + self.nr_pages
        }
    }
}

// Whatever size its users choose.
#[allow(dead_code)]
#[path = "../../../../rust/kernel/powerpc/chunks.rs"]
mod chunks;

mod tests;
