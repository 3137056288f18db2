// SPDX-License-Identifier: GPL-2.0

#include <linux/page-flags.h>

__rust_helper void rust_helper___SetPageOffline(struct page *page)
{
	__SetPageOffline(page);
}

__rust_helper void rust_helper___ClearPageOffline(struct page *page)
{
	__ClearPageOffline(page);
}
