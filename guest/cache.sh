# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for guest/cache: does with trace memory what is done with it, so that
# the cache sees it, and then runs $PROGRAMS of the selftests, with commas between.

memtrace=/sys/kernel/debug/powerpc/memtrace
size=0x$(cat /sys/devices/system/memory/block_size_bytes)

# All of it, so that what it leaves behind is everywhere.
use_memory()
{
	available=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)
	mkdir /tmp/scratch
	mount -t tmpfs -o size=100% scratch /tmp/scratch
	dd if=/dev/zero of=/tmp/scratch/file bs=1M count=$((available / 1024 - 256)) 2>/dev/null
	umount /tmp/scratch
	rmdir /tmp/scratch
}

[ -e $memtrace ] || modprobe memtrace || exit
for _ in 1 2; do
	echo "$size" >$memtrace/enable || exit
	for trace in "$memtrace"/0*/trace; do
		dd if="$trace" of=/dev/null bs=1M 2>/dev/null || exit
	done
	echo 0 >$memtrace/enable || exit
	use_memory
done

for program in $(echo "$PROGRAMS" | tr , ' '); do
	"./selftests/powerpc/memtrace/$program" || exit
done
