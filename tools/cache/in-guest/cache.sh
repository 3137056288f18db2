# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for tools/cache/cache: takes trace memory, reads all of it, gives it back, runs
# $PROGRAMS of the selftests, with commas between, or without any has others use the memory,
# and takes it again.

memtrace=/sys/kernel/debug/powerpc/memtrace
size=0x$(cat /sys/devices/system/memory/block_size_bytes)

take_and_read()
{
	echo "$size" >$memtrace/enable || exit
	for trace in "$memtrace"/0*/trace; do
		dd if="$trace" of=/dev/null bs=1M 2>/dev/null || exit
	done
	echo 0 >$memtrace/enable || exit
}

# Nearly all that is free, as nobody knows which the next region will be.
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
take_and_read
[ -n "$PROGRAMS" ] || use_memory
for program in $(echo "$PROGRAMS" | tr , ' '); do
	echo "# $program"
	case $program in
	*:*) "./selftests/powerpc/memtrace/${program%:*}" -t "${program#*:}" || exit ;;
	*) "./selftests/powerpc/memtrace/$program" || exit ;;
	esac
done
take_and_read
