// SPDX-License-Identifier: GPL-2.0

//! A VMA that is being prepared comes from the call that does so.

use kernel::{
    bindings::vm_area_desc,
    mm::pfnmap::PfnmapDesc, //
};

pub(crate) fn program<'a>(desc: &'a mut vm_area_desc, vma: PfnmapDesc<'a>) {
    #[cfg(wrong)]
    let vma = PfnmapDesc(desc); //~ E0423
    let _ = vma;
    #[cfg(not(wrong))]
    let _ = desc;
}
