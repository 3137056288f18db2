// SPDX-License-Identifier: GPL-2.0

//! A VMA can be prepared during the call that does so, not later.

use core::ops::Range;
use kernel::{
    mm::pfnmap::{
        Pfnmap,
        PfnmapDesc, //
    },
    prelude::*, //
};

fn keep(_: &'static PfnmapDesc<'_>) {}

struct Pages;

// SAFETY: This is never mapped.
unsafe impl Pfnmap for Pages {
    fn prepare(vma: &mut PfnmapDesc<'_>) -> Result {
        #[cfg(wrong)]
        keep(vma); //~ E0521 //~ E0521
        let _ = keep;
        Ok(())
    }

    fn pfns(&self) -> Range<usize> {
        0..0
    }

    unsafe fn read(&self, _: usize, _: *mut c_void, _: usize) {}

    unsafe fn write(&self, _: usize, _: *const c_void, _: usize) {}
}
