// SPDX-License-Identifier: GPL-2.0

//! Who says which page frames processes may access answers for it.

use core::ops::Range;
use kernel::{
    mm::pfnmap::{
        Pfnmap,
        PfnmapDesc, //
    },
    prelude::*, //
};

struct Pages;

macro_rules! pfnmap {
    ($($unsafe:tt)?) => {
        $($unsafe)? impl Pfnmap for Pages { //~ E0200
            fn prepare(_: &mut PfnmapDesc<'_>) -> Result {
                Ok(())
            }

            fn pfns(&self) -> Range<usize> {
                0..0
            }

            unsafe fn read(&self, _: usize, _: *mut c_void, _: usize) {}

            unsafe fn write(&self, _: usize, _: *const c_void, _: usize) {}
        }
    };
}

#[cfg(wrong)]
pfnmap!();
#[cfg(not(wrong))]
pfnmap!(unsafe);
