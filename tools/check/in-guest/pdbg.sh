# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for tools/check/pdbg: what pdbg does with memtrace, also what the operator's
# guide warns of.

# shellcheck source=/dev/null
. ./ktap_helpers.sh

powerpc=/sys/kernel/debug/powerpc
memtrace=$powerpc/memtrace
access=$powerpc/scom/00000000/access
blocks=/sys/devices/system/memory
dump=htm-p0-c-1-t0.dump
mib=1048576
gib=$((1024 * mib))
# Of each trace.
written=$((24 * mib + 640))

# pdbg COMMAND: leaves in log what it says. It succeeds even if it could not do it.
pdbg()
{
	./nest-htm $access $written ./pdbg -p 0 htm nest "$1" >log 2>&1
	succeeded=$?
	sed "s/^/# $1: /" log
	return $succeeded
}

said()
{
	grep -qxF "$1" log
}

# does COMMAND: whether it does it.
does()
{
	pdbg "$1" && ! grep -q "Couldn't" log
}

finds_no_htm()
{
	! ./pdbg -p 0 htm nest status >log 2>&1 && said "No NHTM target enabled"
}

# is STATE SIZE: whether the HTM is in this state, with the region as its memory.
is()
{
	does status && said "State: $1" && said "addr:$(cat $memtrace/00000000/start)" &&
		grep -q "^size:$(cat $memtrace/00000000/size) " log &&
		[ $(($(cat $memtrace/enable))) = "$2" ]
}

starts()
{
	does start && is TRACING "$1"
}

stops()
{
	does stop && is COMPLETE "$1"
}

# To see whether the trace wrapped, pdbg compares four bytes that it read, and four that it
# did not set. If it takes it for one that wrapped, the rest of the region comes first.
dumps_what_was_written()
{
	does dump && tail -c $written $dump >part && ./nest-htm compare $written part
}

dumps_a_trace_that_wrapped()
{
	mv part older && stops $((16 * mib)) && does dump && head -c $((16 * mib)) $dump >part &&
		./nest-htm compare $written part
}

leaves_the_end_of_an_older_dump()
{
	[ "$(wc -c <$dump)" -ge $written ] && tail -c $((written - 16 * mib)) $dump >part &&
		tail -c $((written - 16 * mib)) older | cmp - part
}

# Without wrapping, until the memory is full.
records()
{
	rm $dump && does record && is COMPLETE $((16 * mib)) &&
		[ "$(wc -c <$dump)" = $((16 * mib)) ] && ./nest-htm compare $((16 * mib)) $dump
}

takes_48_mib_for_64()
{
	written=$((56 * mib))
	echo 48M >$memtrace/enable && does start && does status &&
		grep -q "^size:0x0000000004000000 " log &&
		does stop && ! does dump && said EOF
}

# Takes a block out of each place that has room for 1 GiB.
ignores_that_enable_fails()
{
	in_a_gib=$((gib / 0x$(cat $blocks/block_size_bytes)))
	for first in $in_a_gib $((2 * in_a_gib)); do
		for block in $(seq "$first" $((first + in_a_gib - 1))); do
			! echo offline >$blocks/memory"$block"/state || break
		done
	done 2>/dev/null
	echo 0 >$memtrace/enable
	pdbg start && said "Couldn't start HTM@p0" && grep "short" $memtrace/status &&
		[ $(($(cat $memtrace/enable))) = 0 ]
}

# A line of a test and one of the kernel would run into each other otherwise.
exec >/dev/kmsg 2>&1
ktap_print_header
ktap_set_plan 12
modprobe memtrace || ktap_exit_fail_msg "no memtrace"

# Nothing can be created in debugfs, so memtrace moves to where a file for the SCOMs fits.
ktap_test_result finds_no_htm_without_scoms finds_no_htm
mkdir /tmp/memtrace
mount -o bind $memtrace /tmp/memtrace
mount -t tmpfs scoms $powerpc
mkdir -p "${access%/access}"
truncate -s 1G $access
ktap_test_result finds_no_htm_without_memtrace finds_no_htm
mkdir $memtrace
mount -o bind /tmp/memtrace $memtrace

ktap_test_result requests_1_gib_if_nothing_is_held starts $gib
ktap_test_result stops stops $gib
ktap_test_result dumps_what_was_written dumps_what_was_written
ktap_test_result frees_nothing is COMPLETE $gib

echo 16M >$memtrace/enable
ktap_test_result uses_what_is_held starts $((16 * mib))
ktap_test_result dumps_a_trace_that_wrapped dumps_a_trace_that_wrapped
ktap_test_result leaves_the_end_of_an_older_dump leaves_the_end_of_an_older_dump
ktap_test_result records records

ktap_test_result takes_48_mib_for_64 takes_48_mib_for_64
ktap_test_result ignores_that_enable_fails ignores_that_enable_fails
ktap_finished
