// SPDX-License-Identifier: GPL-2.0

//! Who says that values are never followed as pointers answers for it.

use kernel::tracepoint::PlainValue;

pub(crate) struct Number(#[allow(dead_code)] u64);

#[cfg(wrong)]
#[rustfmt::skip]
impl PlainValue for Number {} //~ E0200

#[cfg(not(wrong))]
// SAFETY: A number.
unsafe impl PlainValue for Number {}
