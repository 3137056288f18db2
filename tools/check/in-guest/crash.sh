# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs for tools/check/crash, first in the kernel that holds trace memory and crashes, then in the
# crash kernel.

# shellcheck source=/dev/null
. ./ktap_helpers.sh

memtrace=/sys/kernel/debug/powerpc/memtrace
size=$((64 * 1048576))
loads=0

mkdir -p /lib64
ln -sf /work/crash-tools/ld64.so.2 /lib64
export LD_LIBRARY_PATH=/work/crash-tools PATH="$PATH:/work/crash-tools"

# Leaves the kernel by a crash, with trace memory on each node. Memory that was held before does
# not matter, nor what the log said then, nor how often the driver was loaded.
crash()
{
	while [ ! -e $memtrace ]; do
		modprobe memtrace && echo $((2 * size)) >$memtrace/enable || return
		loads=$((loads + 1))
		[ $loads -gt 4 ] || modprobe -r memtrace || return
	done
	# There is room for three handlers.
	! dmesg | grep "Crash shutdown handle" || return
	for node in 0 99; do
		echo "memtrace: Trace memory on node $node is held at 0x0, size 0x100000" >/dev/kmsg
	done
	echo $size >$memtrace/enable || return
	for region in "$memtrace"/0*; do
		echo "$((0x${region##*/})) $(cat "$region/start") $(cat "$region/size")"
	done >regions
	cat regions
	[ "$(grep -c . regions)" = 2 ] || return

	# The crash kernel gets the same files, and runs the same script.
	(cd / && find . -xdev ! -path ./work/vmlinux | cpio -o -H newc) >/tmp/initrd || return
	kexec -p vmlinux --initrd=/tmp/initrd \
		--append="$(sed 's/crashkernel=[^ ]*//' /proc/cmdline) maxcpus=1" || return
	./crash leave regions
}

# dump LEVEL: makes a dump with makedumpfile.
dump()
{
	rm -f /tmp/dump
	makedumpfile --non-mmap -E -d "$1" /proc/vmcore /tmp/dump >/tmp/log 2>&1 || tail -n 2 /tmp/log
}

# has WHICH: whether the dump has these pages.
has()
{
	[ "$(./crash count regions /tmp/dump)" = "$*" ]
}

# read_by_dump LEVEL: makes a dump, and succeeds if makedumpfile read trace memory for it.
read_by_dump()
{
	LD_PRELOAD=./crash.so REGIONS=regions dump "$1"
	reads=$(sed -n 's/^\([1-9][0-9]*\) reads of .*, of which \([0-9]*\) touch a region$/\1 \2/p' /tmp/log)
	echo "# level $1: number of reads, and of those that touch a region: $reads"
	[ -n "$reads" ] && [ "${reads#* }" != 0 ]
}

not_read_by_dump()
{
	! read_by_dump "$1" && [ -n "$reads" ]
}

# The trace of each node.
all_saved()
{
	while read -r node start size; do
		sh ./memtrace-save.sh "$node" /tmp/saved &&
			./crash compare "$start" "$size" /tmp/saved || return
	done <regions
}

# refused TEXT ARGUMENT...: whether memtrace-save.sh fails with this message.
refused()
{
	text=$1
	shift
	! sh ./memtrace-save.sh "$@" 2>/tmp/log && grep -q "$text" /tmp/log && [ ! -e /tmp/saved ]
}

# Of a node whose number only begins like another one, of a dump that lacks trace memory, and of
# one that was cut off.
not_saved()
{
	head -c 1000000 /tmp/dump >/tmp/part
	refused "says nothing about trace memory on node 9$" 9 /tmp/saved &&
		refused "/tmp/dump has no memory at 0x" 0 /tmp/saved /tmp/dump &&
		refused "memtrace-save.sh: " 0 /tmp/saved /tmp/part
}

if [ ! -e /proc/vmcore ]; then
	crash
	exit 1
fi

# A line of a test and one of the kernel would run into each other otherwise.
exec >/dev/kmsg 2>&1
ktap_print_header
ktap_set_plan 6

ktap_test_result regions_are_not_read not_read_by_dump 31
ktap_test_result regions_are_not_in_a_dump has none of regions, all of the ordinary pages
ktap_test_result what_is_not_there_is_not_saved not_saved

# Which excludes no offline pages.
ktap_test_result regions_are_read_for_a_dump_of_all read_by_dump 1
ktap_test_result regions_are_in_a_dump_of_all has all of regions, all of the ordinary pages
rm /tmp/dump

ktap_test_result trace_is_saved all_saved
ktap_finished
