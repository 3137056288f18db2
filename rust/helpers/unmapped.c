// SPDX-License-Identifier: GPL-2.0

#include <linux/memory_hotplug.h>
#include <linux/pgtable.h>

#ifdef CONFIG_MEMORY_HOTPLUG
__rust_helper struct mhp_params rust_helper_mhp_params_page_kernel(void)
{
	return (struct mhp_params){ .pgprot = PAGE_KERNEL };
}
#endif
