# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make check": the commands of the operator's guide,
# memtrace.rst. Prints each command and its output in the format of the guide.

sed -n 's/^  # //p' memtrace.rst >commands
while read -r command <&3; do
	# Not in a pipe, as "cd" must take effect for the following commands.
	eval "$command" >/tmp/printed 2>&1
	{
		echo "# $command"
		sed 's/^.*: \(write error\)/sh: \1/' /tmp/printed
	} | while read -r line; do
		echo "  $line" >/dev/kmsg
	done
done 3<commands
