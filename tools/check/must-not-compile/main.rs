// SPDX-License-Identifier: GPL-2.0

//! The module that each program in `kernel/` is a part of.

use kernel::prelude::*;

module! {
    type: Program,
    name: "program",
    description: "A program that must not compile",
    license: "GPL",
}

struct Program;

impl kernel::Module for Program {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        Ok(Self)
    }
}
