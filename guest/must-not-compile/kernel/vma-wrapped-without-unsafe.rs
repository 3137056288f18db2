// SPDX-License-Identifier: GPL-2.0

//! Who wraps a VMA answers for it.

use kernel::{
    bindings::vm_area_struct,
    mm::virt::VmaSetup, //
};

pub(crate) fn program(vma: *mut vm_area_struct) {
    #[cfg(wrong)]
    let _vma = VmaSetup::from_raw(vma); //~ E0133
    #[cfg(not(wrong))]
    // SAFETY: This is never run.
    let _vma = unsafe { VmaSetup::from_raw(vma) };
}
