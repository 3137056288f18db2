# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for tools/check/htm, which writes to trace memory from outside on
# request on the console. Nothing that happens in the guest may change trace memory.

# shellcheck source=/dev/null
. ./ktap_helpers.sh

memtrace=/sys/kernel/debug/powerpc/memtrace
blocks=/sys/devices/system/memory
size=0x$(cat $blocks/block_size_bytes)
scratch=/tmp/scratch

count_in()
{
	sed -n "s/^$1:* *\([0-9]*\).*/\1/p" "$2"
}

# All but 128 MiB of what is free.
memory_pressure()
{
	available=$(count_in MemAvailable /proc/meminfo)
	dd if=/dev/zero of=$scratch/file bs=64k count=$((available / 64 - 2048)) 2>/dev/null
	filled=$?
	rm $scratch/file
	return $filled
}

# Moves what is left between the holes that a deleted file leaves. Where the pages are
# decides whether there is something to move: if not, more holes are made.
compaction()
{
	before=$(count_in pgmigrate_success /proc/vmstat)
	moved=0
	for _ in $(seq 5); do
		leave_holes || break
		echo 1 >/proc/sys/vm/compact_memory
		moved=$(($(count_in pgmigrate_success /proc/vmstat) - before))
		[ $moved = 0 ] || break
	done
	rm $scratch/stays
	[ $moved != 0 ]
}

leave_holes()
{
	for _ in $(seq 200); do
		for file in stays goes; do
			dd if=/dev/zero bs=1M count=1 2>/dev/null >>$scratch/$file || return
		done
	done
	rm $scratch/goes
}

# Reads from the first byte of memory, which follows the headers.
reading_of_kcore()
{
	dd if=/proc/kcore of=/dev/null bs=1M count=$(((start + size) / 1048576 + 1)) 2>/dev/null
}

hotplug_of_other_blocks()
{
	changed=1
	for state in "$blocks"/memory[0-9]*/state; do
		if echo offline >"$state" && echo online >"$state"; then
			changed=0
		fi 2>/dev/null
	done
	return $changed
}

snapshot_of_hibernation()
{
	./htm snapshot
}

again()
{
	"$1" && ./htm read "$trace" "$head"
}

loads="memory_pressure compaction reading_of_kcore hotplug_of_other_blocks snapshot_of_hibernation"

# A line of a test and one of the kernel would run into each other otherwise.
exec >/dev/kmsg
ktap_print_header

[ -e $memtrace ] || modprobe memtrace
mkdir $scratch
mount -t tmpfs -o size=100% scratch $scratch

echo "$size" >$memtrace/enable || ktap_exit_fail_msg "no trace memory"
trace=$(echo $memtrace/0*/trace)
start=$(cat "${trace%trace}start")
head=0

# shellcheck disable=SC2086 # one word for each load
set -- $loads
ktap_set_plan $(($# * 3))
for load; do
	echo "htm: starts at $start, size $size"
	"$load"
	loaded=$?
	echo "htm: stops"
	head=$(./htm await "$trace" "$head")

	[ $loaded = 0 ] || echo "# $load failed"
	ktap_test_result "what_is_written_during_${load}_is_read" \
		eval "[ $loaded = 0 ] && ./htm read $trace $head"
	ktap_test_result "what_is_written_during_${load}_is_mapped" \
		eval "[ $loaded = 0 ] && ./htm map $trace $head"
	ktap_test_result "nothing_changes_during_${load}" again "$load"
done

echo 0 >$memtrace/enable
ktap_finished
