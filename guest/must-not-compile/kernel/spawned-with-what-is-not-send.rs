// SPDX-License-Identifier: GPL-2.0

//! Work for another CPU has what can go there.

use kernel::{
    alloc::NumaNode,
    prelude::*,
    types::NotThreadSafe,
    workqueue, //
};

pub(crate) fn program(node: NumaNode) {
    #[cfg(not(wrong))]
    let it = ();
    #[cfg(wrong)]
    let it = NotThreadSafe;
    let queue = workqueue::system_dfl();
    let _ = queue.try_spawn_on_node(node, GFP_KERNEL, move || drop(it)); //~ E0277 sent
}
