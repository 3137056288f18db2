// SPDX-License-Identifier: GPL-2.0

#include <linux/nodemask.h>

__rust_helper unsigned int rust_helper_first_memory_node(void)
{
	return first_memory_node;
}

__rust_helper unsigned int rust_helper_next_memory_node(int nid)
{
	return next_memory_node(nid);
}
