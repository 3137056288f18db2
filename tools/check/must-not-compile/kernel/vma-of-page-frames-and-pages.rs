// SPDX-License-Identifier: GPL-2.0

//! A VMA of page frames cannot be one of pages as well.

use core::ops::Range;
use kernel::{
    mm::pfnmap::{
        Pfnmap,
        PfnmapDesc, //
    },
    prelude::*, //
};

struct Pages;

// SAFETY: This is never mapped.
unsafe impl Pfnmap for Pages {
    fn prepare(vma: &mut PfnmapDesc<'_>) -> Result {
        #[cfg(wrong)]
        vma.set_mixedmap(); //~ E0599
        vma.set_noncached();
        Ok(())
    }

    fn pfns(&self) -> Range<usize> {
        0..0
    }

    unsafe fn read(&self, _: usize, _: *mut c_void, _: usize) {}

    unsafe fn write(&self, _: usize, _: *const c_void, _: usize) {}
}
