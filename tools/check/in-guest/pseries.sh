# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in a guest that is not powernv: memtrace must fail with ENODEV there, and leave
# nothing behind.

insmod /lib/modules/*/kernel/arch/powerpc/platforms/powernv/memtrace/memtrace.ko 2>&1 |
	tee answer
grep -q "No such device" answer || exit
[ ! -e /sys/kernel/debug/powerpc/memtrace ] && ! grep -q memtrace /proc/modules
