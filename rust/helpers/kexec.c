// SPDX-License-Identifier: GPL-2.0

#include <linux/kexec.h>

#ifdef CONFIG_PPC64
__rust_helper int rust_helper_crash_shutdown_register(void (*handler)(void))
{
#ifdef CONFIG_CRASH_DUMP
	return crash_shutdown_register(handler);
#else
	return 0;
#endif
}

__rust_helper void rust_helper_crash_shutdown_unregister(void (*handler)(void))
{
#ifdef CONFIG_CRASH_DUMP
	crash_shutdown_unregister(handler);
#endif
}
#endif
