// SPDX-License-Identifier: GPL-2.0

//! Work for another CPU can begin when its author is gone, so it borrows nothing.

use kernel::{
    cpu::CpuId,
    prelude::*,
    workqueue, //
};

pub(crate) fn program(cpu: CpuId, nr_pages: usize) {
    #[cfg(wrong)]
    let nr_pages = &nr_pages; //~ E0597
    let _ = workqueue::system_dfl_long().try_spawn_on(cpu, GFP_KERNEL, move || {
        let _ = nr_pages;
        pr_info!("{nr_pages}\n");
    });
}
