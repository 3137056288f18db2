#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Loading and unloading memtrace: unloading frees everything, and fails while one of
# the files is open.
#
# usage: module.sh [-tTEST]

DIR=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "$DIR"/../../kselftest/ktap_helpers.sh

memtrace=/sys/kernel/debug/powerpc/memtrace
enable=$memtrace/enable
size=0x$(cat /sys/devices/system/memory/block_size_bytes)

# How much free memory may change by itself, and how often that may happen before
# it counts as lost.
noise_kib=16384
tries=5

# load [PARAMETER=VALUE...]
load()
{
	modprobe memtrace "$@"
}

unload()
{
	rmmod memtrace 2>/dev/null
}

take()
{
	echo "$size" > $enable
}

free_kib()
{
	sed -n 's/^MemFree: *\([0-9]*\) kB/\1/p' /proc/meminfo
}

# Leaks that only happen once in fifty cycles are tested with a kernel that has kmemleak.
cycles=5
[ ! -e /sys/kernel/debug/kmemleak ] || cycles=50

# Runs "$@" until as much memory is free afterwards as before.
loses_nothing()
{
	for _ in $(seq $tries); do
		before=$(free_kib)
		"$@" || return
		[ $(($(free_kib) + noise_kib)) -lt "$before" ] || return 0
	done
	return 1
}

# again_and_again CYCLES COMMAND
again_and_again()
{
	for _ in $(seq "$1"); do
		"$2" || return
	done
}

load_and_unload()
{
	load && unload && [ ! -e $memtrace ]
}

load_take_and_unload()
{
	load && take && unload && [ ! -e $memtrace ]
}

loading_creates_enable()
{
	load && [ -f $enable ]
}

loading_takes_no_memory()
{
	load && [ "$(cat $enable)" = 0x0000000000000000 ]
}

unloading_removes_all_files()
{
	load_take_and_unload
}

unloading_gives_memory_back()
{
	loses_nothing load_take_and_unload
}

memtrace_can_be_loaded_again_and_again()
{
	loses_nothing again_and_again 5 load_and_unload
}

memtrace_can_be_unloaded_again_and_again_while_it_holds_memory()
{
	loses_nothing again_and_again $cycles load_take_and_unload
}

memory_can_be_taken_after_loading_again()
{
	load_take_and_unload && load && take
}

# Whether memtrace stays, and works, while "$1" is open.
stays_while_open()
{
	load && take || return
	node=$(find $memtrace -mindepth 1 -type d | head -n 1)
	case $1 in
	enable) exec 3< $enable ;;
	*) exec 3< "$node/$1" ;;
	esac
	! unload && take && [ -e "$node/trace" ]
	stayed=$?
	exec 3<&-
	[ $stayed = 0 ] && unload
}

memtrace_stays_while_enable_is_open()
{
	stays_while_open enable
}

memtrace_stays_while_start_is_open()
{
	stays_while_open start
}

memtrace_stays_while_trace_is_open()
{
	stays_while_open trace
}

is_held()
{
	[ "$(($(cat $enable)))" = "$((size))" ]
}

# Whether memtrace does not load with these parameters.
refuses()
{
	for parameters; do
		# shellcheck disable=SC2086 # perhaps more than one
		! load $parameters 2>/dev/null && [ ! -e $memtrace ] || return
	done
}

memory_can_be_taken_at_load()
{
	load size=$((size / 1048576))M && is_held && unload && [ ! -e $memtrace ]
}

memory_can_be_taken_at_load_from_a_node()
{
	load size="$size" || return
	node=$(find $memtrace -mindepth 1 -type d | sed 's/.*\///' | sort | tail -n 1)
	unload || return

	load size="$size" nodes=$((0x$node)) && is_held || return
	[ "$(cat $memtrace/nodes)" = $((0x$node)) ] &&
		[ "$(find $memtrace -mindepth 1 -type d)" = $memtrace/"$node" ]
}

memtrace_loads_with_memory_that_is_not_there()
{
	load size=4194304T && [ "$(cat $enable)" = 0x0000000000000000 ] && take
}

# Prints the largest power of two that can be allocated, in bytes.
largest_size()
{
	load || return
	bytes=$((size))
	while echo $((2 * bytes)) 2>/dev/null > $enable; do
		bytes=$((2 * bytes))
	done
	unload
	echo $bytes
}

# kill_load BYTES: kills modprobe after it has started to allocate memory.
kill_load()
{
	modprobe memtrace size="$1" &
	while [ ! -e $enable ] && kill -0 $! 2>/dev/null; do
		:
	done
	kill -9 $! 2>/dev/null
	! wait $!
}

memtrace_loads_without_memory_if_the_one_who_loads_it_is_killed()
{
	bytes=$(largest_size)
	# Not every kernel has the names of errors.
	said=$(printf 'Failed to allocate %#x bytes at load: \(EINTR\|Error(4)\)$' "$bytes")
	for _ in $(seq 20); do
		kill_load "$bytes"
		if [ "$(cat $enable)" = 0x0000000000000000 ]; then
			dmesg | tail -n 10 | grep -q "$said" &&
				grep -q 'interrupted by a signal$' $memtrace/status && take
			return
		fi
		unload || return
	done
	return 1
}

memtrace_does_not_load_with_a_bad_size()
{
	refuses size=1X size= size=-1 size=1.5G size=4096 size=16777216T
}

memtrace_does_not_load_with_bad_nodes()
{
	refuses nodes=one nodes=1-0 nodes=255 nodes=99999 "size=$size nodes=255"
}

zone_movable_gives_memory_when_there_is_no_other()
{
	load movable=n || return
	! take 2>/dev/null || return "$KSFT_SKIP" # there is other
	unload && load || return
	take 2>/dev/null || return "$KSFT_SKIP" # there is none either
	is_held && dmesg | tail -n 5 | grep -q 'Trace memory on node [0-9]* is in ZONE_MOVABLE'
}

zone_movable_is_told_of_as_a_notice()
{
	load movable=n || return
	! take 2>/dev/null || return "$KSFT_SKIP"
	unload && load || return
	take 2>/dev/null || return "$KSFT_SKIP"
	node=$(find $memtrace -mindepth 1 -type d | sed 's/.*\/0*\(.\)/\1/' | head -n 1)
	dmesg -r | sed -n 's/^\(<[0-9]*>\)\[[^]]*\] memtrace: /\1/p' | tail -n 2 > /tmp/said
	printf '%s\n' "<5>Trace memory on node $((0x$node)) is in ZONE_MOVABLE" \
		"<6>Allocated trace memory on node $((0x$node)) at $(cat $memtrace/*/start)" |
		diff - /tmp/said
}

# Nothing was requested before that would have made room for both.
nodes_can_be_taken_one_after_the_other()
{
	load || return
	nodes=$(tr -- '-,' '  ' </sys/devices/system/node/has_memory)
	first=${nodes%% *}
	last=${nodes##* }
	[ "$first" != "$last" ] || return "$KSFT_SKIP"
	for node in "$last" "$first"; do
		echo "$node" > $memtrace/nodes && take 2>/dev/null || return "$KSFT_SKIP"
	done
	grep -q "^$first  *held " $memtrace/status && grep -q "^$last  *held " $memtrace/status &&
		[ "$(find $memtrace -name trace | wc -l)" = 2 ]
}

status_promises_no_zone_movable_with_movable_n()
{
	load movable=n || return
	! take 2>/dev/null || return "$KSFT_SKIP"
	! echo $((2 * size)) 2>/dev/null > $enable || return
	grep -q ' short .* no memory block is free or movable[,;] ' $memtrace/status &&
		! grep -q largest $memtrace/status
}

# Sizes that are not powers of two are searched for in a different way.
three_blocks_of_zone_movable_are_given_only_if_allowed()
{
	load movable=n || return
	! take 2>/dev/null || return "$KSFT_SKIP" # there is other
	! echo $((3 * size)) 2>/dev/null > $enable || return
	unload && load || return
	echo $((3 * size)) 2>/dev/null > $enable || return "$KSFT_SKIP"
	dmesg | tail -n 5 | grep -q 'Trace memory on node [0-9]* is in ZONE_MOVABLE'
}

tests="
loading_creates_enable
loading_takes_no_memory
unloading_removes_all_files
unloading_gives_memory_back
memtrace_can_be_loaded_again_and_again
memtrace_can_be_unloaded_again_and_again_while_it_holds_memory
memory_can_be_taken_after_loading_again
memtrace_stays_while_enable_is_open
memtrace_stays_while_start_is_open
memtrace_stays_while_trace_is_open
memory_can_be_taken_at_load
memory_can_be_taken_at_load_from_a_node
nodes_can_be_taken_one_after_the_other
memtrace_loads_with_memory_that_is_not_there
memtrace_loads_without_memory_if_the_one_who_loads_it_is_killed
memtrace_does_not_load_with_a_bad_size
memtrace_does_not_load_with_bad_nodes
zone_movable_gives_memory_when_there_is_no_other
zone_movable_is_told_of_as_a_notice
status_promises_no_zone_movable_with_movable_n
three_blocks_of_zone_movable_are_given_only_if_allowed
"

skip_all()
{
	ktap_skip_all "$@"
	exit "$KSFT_SKIP"
}

ktap_print_header

[ "$(id -u)" = 0 ] || skip_all "only root can load modules"
was_loaded=
if [ -e $memtrace ]; then
	[ -e /sys/module/memtrace/initstate ] || skip_all "memtrace is built in"
	[ -z "$(find $memtrace -name start)" ] || skip_all "trace memory is in use"
	was_loaded=y
	unload || skip_all "memtrace is in use"
else
	load 2>/dev/null || skip_all "there is no memtrace here"
	[ -e $enable ] || skip_all "there is no $enable, is debugfs mounted?"
	take 2>/dev/null || skip_all "no node has $size bytes to give"
	unload
fi

case ${1:-} in
-t*) tests=${1#-t} ;;
esac
# shellcheck disable=SC2086 # one word for each test
set -- $tests
ktap_set_plan $#
for name; do
	"$name"
	case $? in
	0) ktap_test_pass "$name" ;;
	"$KSFT_SKIP")
		echo "# the machine lacks the memory for this test"
		ktap_test_skip "$name"
		;;
	*) ktap_test_fail "$name" ;;
	esac
	unload
done

[ -z "$was_loaded" ] || load
ktap_finished
