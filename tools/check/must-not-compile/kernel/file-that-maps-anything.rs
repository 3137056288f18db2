// SPDX-License-Identifier: GPL-2.0

//! What a file maps is page frames that somebody answers for.

use core::convert::Infallible;
use kernel::{
    debugfs::BinaryMapper,
    iov::IovIterDest,
    prelude::*, //
};

struct Data;

impl BinaryMapper for Data {
    #[cfg(wrong)]
    type Mapping = u8; //~ E0277 Pfnmap
    #[cfg(not(wrong))]
    type Mapping = Infallible;

    fn size(&self) -> usize {
        0
    }

    fn write_to_iter(&self, _: usize, _: usize, _: &mut IovIterDest<'_>) {}

    fn map(&self) -> Result<Self::Mapping> {
        Err(ENODEV)
    }
}
