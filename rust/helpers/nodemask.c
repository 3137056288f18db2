// SPDX-License-Identifier: GPL-2.0

#include <linux/nodemask.h>
#include <linux/topology.h>

__rust_helper int rust_helper_node_state(int node, enum node_states state)
{
	return node_state(node, state);
}

__rust_helper const struct cpumask *rust_helper_cpumask_of_node(int nid)
{
	return cpumask_of_node(nid);
}

__rust_helper int rust_helper_numa_node_id(void)
{
	return numa_node_id();
}
