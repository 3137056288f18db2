// SPDX-License-Identifier: GPL-2.0

//! Work for another CPU can begin when its author is gone, so it borrows nothing.

use kernel::{
    alloc::NumaNode,
    prelude::*,
    workqueue, //
};

pub(crate) fn program(node: NumaNode, nr_pages: usize) {
    #[cfg(wrong)]
    let nr_pages = &nr_pages; //~ E0597
    let _ = workqueue::system_dfl().try_spawn_on_node(node, GFP_KERNEL, move || {
        let _ = nr_pages;
        pr_info!("{nr_pages}\n");
    });
}
