// SPDX-License-Identifier: GPL-2.0

//! What hardware writes to is only copied out.

use kernel::powerpc::cache_inhibited::IoremappedPages;

pub(crate) fn program(pages: &IoremappedPages) -> *const u8 {
    #[cfg(wrong)]
    return pages.addr.as_ptr().cast(); //~ E0616 addr
    #[cfg(not(wrong))]
    core::ptr::from_ref(pages).cast()
}
