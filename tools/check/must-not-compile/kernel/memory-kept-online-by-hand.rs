// SPDX-License-Identifier: GPL-2.0

//! The lock that keeps memory online is taken and released in the kernel crate only.

#[cfg(wrong)]
use kernel::mm::contig::MemHotplugGuard; //~ E0603 MemHotplugGuard
#[cfg(not(wrong))]
use kernel::mm::contig::PfnRange as MemHotplugGuard;

pub(crate) fn program(_: MemHotplugGuard) {}
