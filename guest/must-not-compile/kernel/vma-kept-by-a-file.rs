// SPDX-License-Identifier: GPL-2.0

//! A file has a VMA during the call that sets it up, not later.

use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    mm::virt::VmaSetup,
    prelude::*, //
};

struct Data;

fn keep(_: &'static kernel::mm::virt::VmaNew) {}

#[vtable]
impl MemoryFile for Data {
    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn mmap(&self, vma: VmaSetup<'_>) -> Result {
        let vma = vma.claim();
        #[cfg(wrong)]
        keep(vma); //~ E0521
        let _ = (vma, keep);
        Ok(())
    }
}
