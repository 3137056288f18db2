// SPDX-License-Identifier: GPL-2.0

#ifdef CONFIG_PPC64
#include <asm/machdep.h>

__rust_helper bool rust_helper_machine_is_powernv(void)
{
	return machine_is(powernv);
}
#endif
