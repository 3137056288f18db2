// SPDX-License-Identifier: GPL-2.0

#include <linux/cacheflush.h>
#include <linux/mm.h>

#ifdef CONFIG_PPC64
__rust_helper void rust_helper_clear_pages(void *addr, unsigned int npages)
{
	clear_pages(addr, npages);
}

__rust_helper void rust_helper_flush_dcache_range(unsigned long start,
						  unsigned long stop)
{
	flush_dcache_range(start, stop);
}

__rust_helper bool rust_helper_radix_enabled(void)
{
	return radix_enabled();
}

__rust_helper const void *rust_helper_pfn_to_kaddr(unsigned long pfn)
{
	return pfn_to_kaddr(pfn);
}
#endif
