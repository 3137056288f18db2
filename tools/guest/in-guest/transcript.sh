# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make run": shows memtrace at work, as seen on the console.

enable=/sys/kernel/debug/powerpc/memtrace/enable

# Prints a command and runs it. Setting the terminal waits until the command has been
# printed, so that kernel messages come after it.
try() {
	echo "# $*"
	stty -F /dev/console onlcr
	eval "$*"
}

[ -e $enable ] || try modprobe memtrace || exit
try grep MemFree /proc/meminfo
for size in 0x40000000 0x40000000 0x80000000 0x100000000 0x40000000; do
	try "echo $size > $enable"
done
try "echo 0 > $enable" || exit
try grep MemFree /proc/meminfo
