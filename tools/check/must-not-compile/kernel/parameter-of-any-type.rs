// SPDX-License-Identifier: GPL-2.0

//! A module's parameter has a type that says how it is read.

use kernel::{
    bindings::kernel_param_ops,
    module_param::{
        ModuleParam,
        ParamOps, //
    },
    prelude::*,
    str::BStr, //
};

#[derive(Clone, Copy)]
pub(crate) struct Data;

#[cfg(not(wrong))]
impl ModuleParam for Data {
    fn try_from_param_arg(_: &BStr) -> Result<Self> {
        Ok(Self)
    }
}

pub(crate) const OPS: kernel_param_ops = ParamOps::<Data>::OPS; //~ E0599 OPS
