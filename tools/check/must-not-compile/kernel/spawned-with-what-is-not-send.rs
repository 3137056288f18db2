// SPDX-License-Identifier: GPL-2.0

//! Work for another CPU has what can go there.

use kernel::{
    cpu::CpuId,
    prelude::*,
    types::NotThreadSafe,
    workqueue, //
};

pub(crate) fn program(cpu: CpuId) {
    #[cfg(not(wrong))]
    let it = ();
    #[cfg(wrong)]
    let it = NotThreadSafe;
    let queue = workqueue::system_dfl_long();
    let _ = queue.try_spawn_on(cpu, GFP_KERNEL, move || drop(it)); //~ E0277 sent
}
