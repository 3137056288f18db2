# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in a guest whose command line has memtrace.size=1G memtrace.nodes=1: the
# memory is there, on that node only.

cd /sys/kernel/debug/powerpc/memtrace || exit
cat enable nodes status
[ "$(cat enable)" = 0x0000000040000000 ] && [ "$(cat nodes)" = 1 ] &&
	[ "$(echo 0*)" = 00000001 ] && echo 0 >enable && [ "$(cat enable)" = 0x0000000000000000 ]
