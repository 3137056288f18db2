# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in a guest with memtrace built in and parameters for it on the command line.

cd /sys/kernel/debug/powerpc || exit

# is FILE TEXT: whether the file of memtrace contains TEXT.
is() {
	[ "$(cat "memtrace/$1")" = "$2" ]
}

# said LEVEL TEXT: whether the kernel log has this line.
said() {
	dmesg -r | sed 's/^\(<[0-9]*>\)\[[^]]*\] /\1/' | grep -qxF "<$1>memtrace: $2"
}

[ ! -e memtrace ] || cat memtrace/enable memtrace/nodes memtrace/status
case $(cat /proc/cmdline) in
*memtrace.size=1G*) # on node 1 only
	is enable 0x0000000040000000 && is nodes 1 && [ "$(echo memtrace/0*)" = memtrace/00000001 ] &&
		is 00000001/size 0x0000000040000000 &&
		said 6 "Allocated trace memory on node 1 at $(cat memtrace/00000001/start)" &&
		echo 0 >memtrace/enable && is enable 0x0000000000000000
	;;
*memtrace.size=4096*) # invalid: the driver does not load
	[ ! -e memtrace ] && said 3 "Value must be aligned with 0x40000000"
	;;
*memtrace.size=4194304T*) # more than available
	is enable 0x0000000000000000 &&
		said 4 "No node could provide 0x4000000000000000 bytes, loaded without trace memory" &&
		echo 1G >memtrace/enable && is enable 0x0000000040000000
	;;
*memtrace.size=1X*) # not a size: ignored
	is enable 0x0000000000000000 && is nodes "$(cat /sys/devices/system/node/has_memory)" &&
		! dmesg | grep -q "\\] memtrace: " && echo 1G >memtrace/enable
	;;
*)
	false
	;;
esac
