// SPDX-License-Identifier: GPL-2.0

//! The lock that keeps memory online is taken and released in the kernel crate only.

#[cfg(wrong)]
use kernel::mm::contig::OnlineMems; //~ E0603 OnlineMems
#[cfg(not(wrong))]
use kernel::mm::contig::PfnRange as OnlineMems;

pub(crate) fn program(_: OnlineMems) {}
