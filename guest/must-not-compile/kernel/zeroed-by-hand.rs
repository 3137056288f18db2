// SPDX-License-Identifier: GPL-2.0

//! Nobody zeroes pages whose owner is somebody else.

use core::ops::Range;
#[cfg(wrong)]
use kernel::mm::cleared::clear_chunk; //~ E0603 clear_chunk

pub(crate) fn program(pfns: Range<usize>) {
    #[cfg(wrong)]
    // SAFETY: None.
    unsafe {
        clear_chunk(pfns)
    };
}
