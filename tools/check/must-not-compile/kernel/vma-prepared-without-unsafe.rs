// SPDX-License-Identifier: GPL-2.0

//! Who calls the hook of a file answers for the VMA, and for its file.

use kernel::{
    bindings::vm_area_desc,
    mm::pfnmap::{
        mmap_prepare,
        PfnmapFile, //
    }, //
};

pub(crate) fn program<F: PfnmapFile>(desc: *mut vm_area_desc) {
    #[cfg(wrong)]
    mmap_prepare::<F>(desc); //~ E0133
    #[cfg(not(wrong))]
    // SAFETY: This is never run.
    unsafe {
        mmap_prepare::<F>(desc)
    };
}
