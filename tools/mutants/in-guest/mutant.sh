# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make check MUTANTS=all": makes one mutant of the file "mutants"
# active after the other, and runs its tests until one fails. Each line has a number, a
# pattern for suites of KUnit, or "-", and the test programs.
#
# What comes after one that was noticed needs a kernel that still works: the test that
# noticed it has to pass without it. The caller boots again where this ends.

active=/sys/module/kernel/parameters/mutant
kunit=/sys/kernel/debug/kunit

# Lines of tests and of the kernel would run into each other on the console.
tell() {
	echo "mutant: $*" >/dev/kmsg
}

# ended PID TIME: waits until the process ends, but not for longer than TIME, in tenths of a
# second, or than 20 s once a test has failed. One that hangs cannot always be killed.
ended() {
	waited=0
	patience=$2
	while kill -0 "$1" 2>/dev/null; do
		! grep -q '^not ok ' /tmp/said || patience=200
		if [ $waited -ge "$patience" ]; then
			hangs=y
			return 1
		fi
		sleep 0.1
		waited=$((waited + 1))
	done
}

# Whether all tests of a suite pass. KUnit itself aborts a test after 30 s, if possible.
suite() {
	echo 1 >"$kunit/$1/run" &
	ended $! 600 || return 1
	! grep -q '^ *not ok ' "$kunit/$1/results"
}

# program NAME [TEST]: whether its tests pass, or that one.
program() {
	: >/tmp/said
	"./selftests/powerpc/memtrace/$1" ${2:+-r "$2"} </dev/null >/tmp/said 2>&1 &
	ended $! 1500 || return 1
	wait $!
	status=$?
	# Without a mutant, memory can be allocated.
	! grep -q 'SKIP no node has .* bytes to give' /tmp/said || return 1
	# 4: all of it was left out.
	[ $status -eq 0 ] || [ $status -eq 4 ]
}

# Tests would just be left out without it.
loads() {
	modprobe memtrace && modprobe -r memtrace
}

# try NUMBER TEST...: whether all tests pass. Says which does not.
try() {
	number=$1
	shift
	for test; do
		tell "$number in $test"
		"${test%%:*}" "${test#*:}" || {
			tell "$number by ${test#*:} $(sed -n 's/^not ok [0-9]* //p; s/^ok [0-9]* \(.*SKIP no node has .* bytes.*\)/\1/p' /tmp/said | head -n 1)"
			return 1
		}
	done
}

first=y
while read -r number pattern programs; do
	# Effects that no single test detects may accumulate.
	[ "$(cut -d . -f 1 /proc/uptime)" -lt 1200 ] || exit 1
	tests=loads
	for suite in "$kunit"/$pattern; do
		[ ! -d "$suite" ] || tests="$tests suite:${suite##*/}"
	done
	for program in $programs; do
		tests="$tests program:$program"
	done
	hangs=n
	: >/tmp/said
	echo "$number" >$active
	# shellcheck disable=SC2086 # each of them
	if try "$number" $tests; then
		echo 0 >$active
		tell "$number passed"
		first=n
		continue
	fi
	[ $hangs = n ] || exit 1
	echo 0 >$active
	noticed=$test
	failed=
	case $noticed in
	program:*.sh) ;;
	program:*) failed=$(sed -n 's/^not ok [0-9]* \([^ ]*\).*/\1/p' /tmp/said | head -n 1) ;;
	esac
	if ! loads || ! "${noticed%%:*}" "${noticed#*:}" "$failed"; then
		# A previous mutant may be the cause.
		[ $first = y ] || tell "$number again"
		exit 1
	fi
	first=n
done <mutants
tell "all done"
