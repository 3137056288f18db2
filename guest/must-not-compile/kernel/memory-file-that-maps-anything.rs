// SPDX-License-Identifier: GPL-2.0

//! What a file maps is page frames that somebody answers for.

use core::convert::Infallible;
use kernel::{
    debugfs::MemoryFile,
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

#[vtable]
impl MemoryFile for Data {
    #[cfg(wrong)]
    type Mapping = u8; //~ E0277 Pfnmap
    #[cfg(not(wrong))]
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn read(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn mapping(&self) -> Result<Self::Mapping> {
        Err(ENODEV)
    }
}
