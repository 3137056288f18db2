// SPDX-License-Identifier: GPL-2.0

#include <linux/pgtable.h>

__rust_helper unsigned int rust_helper_PMD_ORDER(void)
{
	return PMD_ORDER;
}

__rust_helper unsigned int rust_helper_PUD_ORDER(void)
{
	return PUD_ORDER;
}
