# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make check": the tests in the folder selftests, by the
# kernel's own runner; those of the programs $ONLY, if there are some; without those
# of $WITHOUT. Both are names with commas between.

# This machine is not used any more afterwards.
export MEMTRACE_POISON=1

# That of busybox lacks an option that the runner uses. TIMEOUT bounds it all.
rm -f /bin/timeout

# On the console, lines of the tests and of the kernel would run into each other.
# Those that go through the kernel's log stay whole. The runner makes a comment of
# what a test program prints: without the mark its tests count one by one.
for program in $(echo "$WITHOUT" | tr , ' '); do
	sed -i "/:$program\$/d" selftests/kselftest-list.txt
done
set --
for program in $(echo "$ONLY" | tr , ' '); do
	set -- "$@" -t "powerpc/memtrace:$program"
done
[ $# -gt 0 ] || set -- -c powerpc/memtrace
./selftests/run_kselftest.sh "$@" 2>&1 |
	while read -r line; do
		case $line in
		"# TAP "* | "# 1.."* | "# ok "* | "# not ok "* | "# # "*)
			line="    ${line#\# }"
			;;
		esac
		echo "$line" >/dev/kmsg
	done
