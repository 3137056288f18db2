# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in each of the guest's kernels for guest/kexec.

memtrace=/sys/kernel/debug/powerpc/memtrace

mkdir -p /lib64
ln -sf /work/crash-tools/ld64.so.2 /lib64
export LD_LIBRARY_PATH=/work/crash-tools PATH="$PATH:/work/crash-tools"

# setting NAME DEFAULT: from the kernel's command line.
setting()
{
	value=$(sed -n "s/.*\b$1=\([0-9]*\).*/\1/p" /proc/cmdline)
	echo "${value:-$2}"
}

round=$(setting round 0)
total=$(sed -n 's/MemTotal: *\([0-9]*\) .*/\1/p' /proc/meminfo)
echo "kernel $round has $total KiB"
before=$(setting total "$total")
[ $((before - total)) -lt 16384 ] && [ $((total - before)) -lt 16384 ] || exit

# On both nodes, or the second one only. What was freed is not held.
modprobe memtrace
case $round in
1 | 3 | 5 | 7 | 9) echo 1 >$memtrace/nodes ;;
esac
echo 64M >$memtrace/enable || exit
[ "$round" -lt 11 ] || exit 0
[ "$round" -lt 10 ] || echo 0 >$memtrace/enable

(cd / && find . -xdev | cpio -o -H newc) >/tmp/initrd || exit
kexec -l vmlinux --initrd=/tmp/initrd \
	--append="$(sed 's/ round=.*//' /proc/cmdline) round=$((round + 1)) total=$before" || exit
kexec -e
