// SPDX-License-Identifier: GPL-2.0

#include <linux/memory_hotplug.h>
#include <linux/mm.h>

__rust_helper unsigned long rust_helper_page_to_pfn(const struct page *page)
{
	return page_to_pfn(page);
}

__rust_helper struct page *rust_helper_pfn_to_page(unsigned long pfn)
{
	return pfn_to_page(pfn);
}

__rust_helper struct page *rust_helper_pfn_to_online_page(unsigned long pfn)
{
	return pfn_to_online_page(pfn);
}

__rust_helper enum zone_type rust_helper_page_zonenum(const struct page *page)
{
	return page_zonenum(page);
}

__rust_helper unsigned long rust_helper_node_start_pfn(int nid)
{
	return node_start_pfn(nid);
}

__rust_helper unsigned long rust_helper_node_end_pfn(int nid)
{
	return node_end_pfn(nid);
}

__rust_helper enum zone_type rust_helper_gfp_zone(gfp_t flags)
{
	return gfp_zone(flags);
}

__rust_helper unsigned long rust_helper_pageblock_nr_pages(void)
{
	return pageblock_nr_pages;
}

#ifndef CONFIG_MEMORY_HOTPLUG
__rust_helper void rust_helper_get_online_mems(void)
{
	get_online_mems();
}

__rust_helper void rust_helper_put_online_mems(void)
{
	put_online_mems();
}
#endif
