#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Unaligned loads and stores work on a mapping of trace memory, as Linux emulates
# them. Runs powerpc/alignment, which tests this on the cache-inhibited memory whose
# path it is given.

DIR=$(dirname "$(readlink -f "$0")")
# shellcheck source=/dev/null
. "$DIR"/../../kselftest/ktap_helpers.sh

handler=$DIR/../alignment/alignment_handler
memtrace=/sys/kernel/debug/powerpc/memtrace
said=$(mktemp)

ktap_print_header
if [ ! -x "$handler" ]; then
	ktap_skip_all "there is no $handler"
	exit "$KSFT_SKIP"
fi
[ -e $memtrace ] || { modprobe -q memtrace && trap "modprobe -r memtrace" EXIT; }
if ! echo "0x$(cat /sys/devices/system/memory/block_size_bytes)" >$memtrace/enable; then
	ktap_skip_all "no node can provide a memory block"
	exit "$KSFT_SKIP"
fi

"$handler" "$(echo $memtrace/0*/trace | cut -d ' ' -f 1)" >"$said" 2>&1
echo 0 >$memtrace/enable

# A test that crashed has started, but has no result.
ktap_set_plan "$(grep -c '^test: ' "$said")"
[ "$KSFT_NUM_TESTS" -gt 0 ] || ktap_exit_fail_msg "it tests nothing"
while read -r result name; do
	case $result in
	success:)
		ktap_test_pass "$name"
		;;
	skip:)
		ktap_print_msg "this CPU lacks the instructions of $name"
		ktap_test_skip "$name"
		;;
	failure:)
		ktap_test_fail "$name"
		;;
	*)
		ktap_print_msg "$result $name"
		;;
	esac
done <"$said"
rm "$said"
ktap_finished
