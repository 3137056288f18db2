// SPDX-License-Identifier: GPL-2.0

//! A mapping that is counted has passed the gate.

#[cfg(wrong)]
use crate::trace::Mapping; //~ E0603 Mapping
#[cfg(not(wrong))]
use crate::trace::Mappings as Mapping;

pub(crate) fn program(_: Mapping) {}
