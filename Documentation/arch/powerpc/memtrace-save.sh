#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: memtrace-save.sh NODE FILE [VMCORE]
#
# Saves the trace memory of a node after a crash, in the crash kernel: from /proc/vmcore,
# or from another VMCORE in ELF format that contains it. Needs makedumpfile, dd and od.

set -eu

fail()
{
	echo "$0: $1" >&2
	exit 1
}

case $#,${1:-} in
[23],*[!0-9]* | [!23],*) fail "usage: memtrace-save.sh NODE FILE [VMCORE], NODE is decimal" ;;
esac
node=$1 file=$2 vmcore=${3:-/proc/vmcore}
[ -r "$vmcore" ] || fail "$vmcore cannot be read"

# number TYPE OFFSET: the unsigned number at that place of the vmcore.
number()
{
	od -A n -t "$1" -j "$2" -N "${1#u}" "$vmcore" | tr -d ' '
}

temporary=$(mktemp -d)
trap 'rm -rf "$temporary" "$file.part"' EXIT
makedumpfile --dump-dmesg "$vmcore" "$temporary/dmesg" >"$temporary/log" 2>&1 ||
	fail "$(cat "$temporary/log")"
message="Trace memory on node $node is held at \\(0x[0-9a-f]*\\), size \\(0x[0-9a-f]*\\)"
place=$(sed -n "s/.*memtrace: $message\$/\\1 \\2/p" "$temporary/dmesg" | tail -n 1)
[ -n "$place" ] || fail "the log says nothing about trace memory on node $node"
at=$((${place% *}))
size=$((${place#* }))
end=$((at + size))

# The program headers. If they are too many for e_phnum, the first section has their number.
table=$(number u8 32)
headers=$(number u2 56)
[ "$headers" != 65535 ] || headers=$(number u4 $(($(number u8 40) + 44)))
[ "$headers" -gt 0 ] || fail "$vmcore is not in ELF format"

: >"$file.part"
while [ "$at" -lt "$end" ]; do
	header=$table
	while [ "$header" -lt $((table + headers * 56)) ]; do
		memory=$(number u8 $((header + 24)))
		len=$(number u8 $((header + 32)))
		if [ "$(number u4 "$header")" = 1 ] &&
			[ "$memory" -le "$at" ] && [ "$at" -lt $((memory + len)) ]; then
			break
		fi
		header=$((header + 56))
	done
	[ "$header" -lt $((table + headers * 56)) ] ||
		fail "$(printf '%s has no memory at 0x%x' "$vmcore" "$at")"
	from=$(($(number u8 $((header + 8))) + at - memory))
	len=$((memory + len - at))
	[ $((at + len)) -le "$end" ] || len=$((end - at))
	dd if="$vmcore" bs=1M iflag=skip_bytes,count_bytes,fullblock skip="$from" count="$len" \
		2>"$temporary/log" >>"$file.part" || fail "$(cat "$temporary/log")"
	at=$((at + len))
done
saved=$(wc -c <"$file.part")
[ "$saved" -eq "$size" ] || fail "$vmcore ends after $saved of $size bytes"
mv "$file.part" "$file"
echo "node $node: $size bytes from ${place% *}"
