// SPDX-License-Identifier: GPL-2.0

//! NUMA nodes.
//!
//! C header: [`include/linux/nodemask.h`](srctree/include/linux/nodemask.h)

use crate::{
    alloc::NumaNode,
    bindings,
    cpu::{
        nr_cpu_ids,
        CpuId, //
    },
    cpumask::Cpumask,
    error::to_result,
    fmt,
    module_param::ModuleParam,
    prelude::*,
    str::BStr, //
};

/// The number of nodes that the kernel can have. Their numbers are less than this.
pub const MAX_NODES: usize = bindings::MAX_NUMNODES as usize;

/// A set of nodes.
///
/// # Examples
///
/// ```
/// use kernel::{
///     b_str,
///     numa::NodeSet,
///     str::BStr, //
/// };
///
/// // The maximum number of nodes depends on the kernel configuration.
/// if let Ok(nodes) = NodeSet::parse_list(b_str!("0,8-10\n")) {
///     assert!(nodes.iter().map(|node| node.id()).eq([0, 8, 9, 10]));
///     assert!(!nodes.is_empty());
///
///     let some = NodeSet::parse_list(b_str!("8,10"))?;
///     assert!(some.is_subset(&nodes));
///     assert!(!nodes.is_subset(&some));
/// }
///
/// // An empty list is valid, too.
/// assert!(NodeSet::parse_list(b_str!(""))?.is_empty());
/// assert!(NodeSet::parse_list(b_str!("\n"))?.is_empty());
/// for text in ["one", "-1", "1-0", "0-", "0x1", "0\0"] {
///     assert!(NodeSet::parse_list(BStr::from_bytes(text.as_bytes())).is_err_and(|e| e == EINVAL));
/// }
/// assert!(NodeSet::parse_list(b_str!("99999")).is_err_and(|e| e == ERANGE));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct NodeSet(bindings::nodemask_t);

impl NodeSet {
    /// Returns the empty set.
    pub const fn empty() -> Self {
        Self(pin_init::zeroed())
    }

    /// Parses a list of nodes, such as `0,8` or `0-1`, which may end with a newline.
    ///
    /// This wraps `bitmap_parselist()` in `lib/bitmap-str.c`.
    ///
    /// # Errors
    ///
    /// [`EINVAL`] if the text is not such a list, or longer than 511 bytes, and [`ERANGE`] if a
    /// number is too large for a node.
    pub fn parse_list(text: &BStr) -> Result<Self> {
        // On the stack, since parameters may be parsed before memory can be allocated.
        let mut list = [0; 512];
        list[..511]
            .get_mut(..text.len())
            .ok_or(EINVAL)?
            .copy_from_slice(text);
        let list = CStr::from_bytes_with_nul(&list[..=text.len()]).map_err(|_| EINVAL)?;
        let mut nodes = Self::empty();

        // SAFETY: `list` is NUL-terminated, and the mask has `MAX_NUMNODES` bits.
        to_result(unsafe {
            bindings::bitmap_parselist(
                list.as_char_ptr(),
                nodes.0.bits.as_mut_ptr(),
                bindings::MAX_NUMNODES as c_int,
            )
        })?;
        Ok(nodes)
    }

    /// Returns the nodes, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = NumaNode> + '_ {
        (0..bindings::MAX_NUMNODES as i32)
            .filter_map(|id| NumaNode::new(id).ok())
            .filter(|node| self.contains(*node))
    }

    /// Returns whether `node` is in the set. [`NumaNode::NO_NODE`] is never in a set.
    pub fn contains(&self, node: NumaNode) -> bool {
        usize::try_from(node.id()).is_ok_and(|id| {
            let word_bits = usize::BITS as usize;
            self.0.bits[id / word_bits] >> (id % word_bits) & 1 != 0
        })
    }

    fn insert(&mut self, id: usize) {
        let word_bits = usize::BITS as usize;
        self.0.bits[id / word_bits] |= 1 << (id % word_bits);
    }

    /// Returns whether no node is in the set.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Returns whether all nodes of this set are in `other` as well.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.iter().all(|node| other.contains(node))
    }
}

/// Formats the set as a list that [`NodeSet::parse_list`] accepts.
impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nodes = self.iter().map(NumaNode::id).peekable();
        let mut separator = "";

        while let Some(first) = nodes.next() {
            let mut last = first;
            while let Some(next) = nodes.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{separator}{first}")?;
            if last != first {
                write!(f, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

impl ModuleParam for NodeSet {
    fn try_from_param_arg(arg: &BStr) -> Result<Self> {
        Self::parse_list(arg)
    }
}

/// Returns the nodes that currently have memory (`N_MEMORY`).
///
/// Memory hotplug can add and remove nodes at any time.
///
/// # Examples
///
/// ```
/// use kernel::numa;
///
/// assert!(!numa::memory_nodes().is_empty());
/// assert!(numa::memory_nodes().is_subset(&numa::online_nodes()));
/// ```
pub fn memory_nodes() -> NodeSet {
    nodes_in_state(bindings::node_states_N_MEMORY)
}

/// Returns the nodes that are currently online (`N_ONLINE`), with or without memory.
pub fn online_nodes() -> NodeSet {
    nodes_in_state(bindings::node_states_N_ONLINE)
}

fn nodes_in_state(state: bindings::node_states) -> NodeSet {
    let mut nodes = NodeSet::empty();

    for id in 0..bindings::MAX_NUMNODES {
        // SAFETY: `id` is less than `MAX_NUMNODES`. `node_state()` in
        // `include/linux/nodemask.h` reads its bit with `test_bit()`, which may race with changes
        // of the mask, as all of these are atomic operations.
        if unsafe { bindings::node_state(id as c_int, state) } != 0 {
            nodes.insert(id as usize);
        }
    }
    nodes
}

/// Returns the CPUs of `node` that are online. A node that is not online has none.
///
/// The CPUs that are online may have changed by the time the caller uses the result.
///
/// # Examples
///
/// ```
/// use kernel::numa;
///
/// for node in numa::online_nodes().iter() {
///     assert!(numa::online_cpus(node).count() <= kernel::cpu::nr_cpu_ids() as usize);
/// }
/// assert!(numa::online_cpus(kernel::alloc::NumaNode::NO_NODE).next().is_none());
/// ```
pub fn online_cpus(node: NumaNode) -> impl Iterator<Item = CpuId> {
    let nr_cpus = if online_nodes().contains(node) {
        nr_cpu_ids()
    } else {
        0
    };

    (0..nr_cpus).filter_map(CpuId::from_u32).filter(move |cpu| {
        // SAFETY: The node is online, and `cpumask_of_node()` is valid for all possible nodes, as
        // architectures allocate their masks at boot (`setup_node_to_cpumask_map()`) and never free
        // them.
        let of_node = unsafe { Cpumask::from_raw(bindings::cpumask_of_node(node.id())) };
        // SAFETY: `__cpu_online_mask` is a C global, always available.
        let online = unsafe { Cpumask::from_raw(&raw const bindings::__cpu_online_mask) };

        of_node.test(*cpu) && online.test(*cpu)
    })
}

#[macros::kunit_tests(rust_numa)]
mod tests {
    use super::*;
    use crate::str::CString;

    fn parse(text: &[u8]) -> Result<NodeSet> {
        NodeSet::parse_list(BStr::from_bytes(text))
    }

    #[test]
    fn what_is_written_is_what_was_read() -> Result {
        for text in ["", "0", "1", "0-1", "0,2", "0-2,4,8-9", "63-64"] {
            let nodes = match parse(text.as_bytes()) {
                Err(e) if e == ERANGE && bindings::MAX_NUMNODES <= 64 => continue,
                nodes => nodes?,
            };
            assert_eq!(
                CString::try_from_fmt(fmt!("{nodes}"))?.to_bytes(),
                text.as_bytes()
            );
        }
        Ok(())
    }

    #[test]
    fn order_and_repetition_do_not_matter() -> Result {
        if bindings::MAX_NUMNODES < 3 {
            return Ok(());
        }
        for text in ["2,0-1", "0,1,2", "0-2,1,1", "1-2,0-1"] {
            assert!(parse(text.as_bytes())?
                .iter()
                .map(|node| node.id())
                .eq(0..3));
        }
        Ok(())
    }

    #[test]
    fn last_node_is_the_highest() -> Result {
        let last = bindings::MAX_NUMNODES - 1;
        let text = CString::try_from_fmt(fmt!("{last}"))?;
        let beyond = CString::try_from_fmt(fmt!("{}", last + 1))?;

        assert!(parse(text.to_bytes())?
            .iter()
            .map(|node| node.id())
            .eq([last as i32]));
        assert!(parse(beyond.to_bytes()).is_err_and(|e| e == ERANGE));
        Ok(())
    }

    #[test]
    fn list_has_at_most_511_bytes() {
        let zeroes = [b'0'; 512];

        assert!(parse(&zeroes[..511]).is_ok_and(|nodes| !nodes.is_empty()));
        assert!(parse(&zeroes).is_err_and(|e| e == EINVAL));
    }

    #[test]
    fn set_has_what_is_in_its_list_and_nothing_else() -> Result {
        let ids = 0..bindings::MAX_NUMNODES as i32;

        for id in [0, 1, 31, 32, 33, 62, 63, 64, 65, 127, 128, 129, 255] {
            if !ids.contains(&id) {
                continue;
            }
            let nodes = parse(CString::try_from_fmt(fmt!("{id}"))?.to_bytes())?;
            for other in ids.clone() {
                assert_eq!(nodes.contains(NumaNode::new(other)?), other == id);
            }
            assert!(nodes.iter().map(NumaNode::id).eq([id]));
            assert!(!nodes.is_empty());
        }
        Ok(())
    }

    #[test]
    fn no_node_is_in_no_set() -> Result {
        let last = bindings::MAX_NUMNODES - 1;
        let all = parse(CString::try_from_fmt(fmt!("0-{last}"))?.to_bytes())?;

        assert!(all.iter().map(NumaNode::id).eq(0..=last as i32));
        assert!(!all.contains(NumaNode::NO_NODE));
        assert!(!NodeSet::empty().contains(NumaNode::NO_NODE));
        Ok(())
    }

    #[test]
    fn subset_has_no_more_than_the_other() -> Result {
        if bindings::MAX_NUMNODES < 4 {
            return Ok(());
        }
        let sets = [parse(b"")?, parse(b"1")?, parse(b"1,3")?, parse(b"0-3")?];
        let apart = parse(b"0,2")?;

        for (i, one) in sets.iter().enumerate() {
            for (j, other) in sets.iter().enumerate() {
                assert_eq!(one.is_subset(other), i <= j);
            }
        }
        assert!(!apart.is_subset(&sets[2]));
        assert!(!sets[2].is_subset(&apart));
        assert!(apart.is_subset(&sets[3]));
        Ok(())
    }

    #[test]
    fn empty_set_is_empty() -> Result {
        assert!(NodeSet::empty().is_empty());
        assert!(NodeSet::empty().iter().next().is_none());
        assert!(NodeSet::empty().is_subset(&NodeSet::empty()));
        assert_eq!(
            CString::try_from_fmt(fmt!("{}", NodeSet::empty()))?.to_bytes(),
            b""
        );
        Ok(())
    }

    #[test]
    fn parameter_is_a_list() -> Result {
        let nodes = NodeSet::try_from_param_arg(BStr::from_bytes(b"0\n"))?;

        assert!(nodes.iter().map(NumaNode::id).eq([0]));
        assert!(NodeSet::try_from_param_arg(BStr::from_bytes(b"one")).is_err_and(|e| e == EINVAL));
        Ok(())
    }

    #[test]
    fn kernel_runs_on_a_node_and_has_memory_on_one() {
        // SAFETY: No requirements.
        let here = unsafe { bindings::numa_node_id() };
        let contains = |nodes: NodeSet| NumaNode::new(here).is_ok_and(|node| nodes.contains(node));

        assert!(contains(online_nodes()));
        assert!(!memory_nodes().is_empty());
        assert!(memory_nodes().is_subset(&online_nodes()));
    }

    #[test]
    fn each_cpu_is_on_a_node() {
        // SAFETY: `__cpu_online_mask` is a C global, always available.
        let nr_online =
            unsafe { bindings::cpumask_weight(&raw mut bindings::__cpu_online_mask) } as usize;
        let nodes = online_nodes();
        let on_nodes = |cpu| {
            let has_it = |node: &NumaNode| online_cpus(*node).any(|other| other == cpu);
            nodes.iter().filter(has_it).count()
        };
        let cpus = (0..nr_cpu_ids()).filter_map(CpuId::from_u32);

        // Emulated nodes share CPUs.
        assert_eq!(cpus.filter(|cpu| on_nodes(*cpu) > 0).count(), nr_online);
        assert!(on_nodes(CpuId::current()) > 0);
        assert_eq!(online_cpus(NumaNode::NO_NODE).count(), 0);
    }
}
