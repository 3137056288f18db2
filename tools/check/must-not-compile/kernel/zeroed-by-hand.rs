// SPDX-License-Identifier: GPL-2.0

//! Nobody zeroes pages whose owner is somebody else.

use core::ops::Range;
#[cfg(wrong)]
use kernel::powerpc::zeroed::zero_chunk; //~ E0603 zero_chunk

pub(crate) fn program(pfns: Range<usize>) {
    #[cfg(wrong)]
    // SAFETY: None.
    unsafe {
        zero_chunk(pfns)
    };
}
