// SPDX-License-Identifier: GPL-2.0

#include <linux/mm.h>

/* The loop is here because one call per page would dominate the run time. */

__rust_helper void rust_helper_set_pages_offline(unsigned long pfn, unsigned long nr_pages)
{
	unsigned long end = pfn + nr_pages;

	for (; pfn < end; pfn++)
		__SetPageOffline(pfn_to_page(pfn));
}
