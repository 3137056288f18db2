// SPDX-License-Identifier: GPL-2.0

#include <linux/nodemask.h>
#include <linux/topology.h>

__rust_helper unsigned int rust_helper_first_memory_node(void)
{
	return first_memory_node;
}

__rust_helper unsigned int rust_helper_next_memory_node(int nid)
{
	return next_memory_node(nid);
}

__rust_helper unsigned int rust_helper_nr_cpus_node(int nid)
{
	return nr_cpus_node(nid);
}

__rust_helper int rust_helper_numa_node_id(void)
{
	return numa_node_id();
}
