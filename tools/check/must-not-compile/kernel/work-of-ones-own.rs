// SPDX-License-Identifier: GPL-2.0

//! Chunks of pages are given out in the kernel crate only.

#[cfg(wrong)]
use kernel::powerpc::chunks::ChunkWork; //~ E0603 chunks
#[cfg(not(wrong))]
use kernel::powerpc::zeroed::ZeroingPages as ChunkWork;

pub(crate) fn program(_: ChunkWork) {}
