// SPDX-License-Identifier: GPL-2.0

//! NUMA nodes.
//!
//! C header: [`include/linux/nodemask.h`](srctree/include/linux/nodemask.h)

use crate::{
    alloc::NumaNode,
    bindings, //
};

/// Returns the nodes that have memory (`N_MEMORY`), in ascending order.
///
/// Memory hotplug can add and remove nodes at any time. The caller gets each node that has memory
/// from the first to the last call of the iterator, and may get one whose memory comes or goes in
/// between.
///
/// # Examples
///
/// ```
/// use kernel::numa;
///
/// assert!(numa::memory_nodes().count() >= 1);
/// assert!(numa::memory_nodes().is_sorted_by_key(|node| node.id()));
/// ```
pub fn memory_nodes() -> impl Iterator<Item = NumaNode> {
    // The C side ends an iteration with `MAX_NUMNODES`, which `NumaNode::new()` refuses.
    let node = |nid: u32| NumaNode::new(nid as i32).ok();

    // SAFETY: Reads the node mask, which is always initialised, bit by bit.
    let first = node(unsafe { bindings::first_memory_node() });

    core::iter::successors(first, move |prev| {
        // SAFETY: As above; a `NumaNode` is below `MAX_NUMNODES`.
        node(unsafe { bindings::next_memory_node(prev.id()) })
    })
}

/// Returns how many CPUs that are online `node` has, beside the one that this runs on.
///
/// It may be less or more by the time the caller looks at it.
///
/// # Examples
///
/// ```
/// use kernel::numa;
///
/// let nodes = numa::memory_nodes();
/// assert!(nodes.map(numa::nr_other_cpus).sum::<usize>() < kernel::cpu::nr_cpu_ids() as usize);
/// ```
pub fn nr_other_cpus(node: NumaNode) -> usize {
    // SAFETY: No requirements. Whoever asks runs on a CPU that is on some node.
    let here = unsafe { bindings::numa_node_id() };
    // SAFETY: A `NumaNode` is below `MAX_NUMNODES`, or `NUMA_NO_NODE`, which stands for all nodes.
    let nr_cpus = unsafe { bindings::nr_cpus_node(node.id()) } as usize;

    nr_cpus - usize::from(nr_cpus > 0 && here == node.id())
}
