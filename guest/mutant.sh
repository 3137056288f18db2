# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make check MUTANTS=all": the test programs of $ORDER, until one
# fails. The kernel's own tests have been run by then.

# Lines of tests and of the kernel would run into each other on the console.
tell() {
	echo "mutant: $*" >/dev/kmsg
}

tell in KUnit
if dmesg | grep -qE '\] +not ok '; then
	dmesg | grep -E '\] +not ok ' >&2
	exit 1
fi
tell in loading
# Tests would just be left out without it.
if ! modprobe memtrace || ! modprobe -r memtrace; then
	tell by loading
	exit 1
fi
# ORDER is on the kernel's command line, with commas.
for program in $(echo "$ORDER" | tr , ' '); do
	tell "in $program"
	timeout 150 "./selftests/powerpc/memtrace/$program" >/tmp/said 2>&1
	status=$?
	# 4: all of it was left out.
	if [ $status -ne 0 ] && [ $status -ne 4 ]; then
		tell "by $program $(sed -n 's/^not ok [0-9]* //p' /tmp/said | head -n 1)"
		cat /tmp/said >/dev/kmsg
		exit 1
	fi
done
