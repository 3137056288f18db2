# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced, instead of lib.sh, by the scripts that copy this checkout into a kernel tree.

# shellcheck source-path=SCRIPTDIR source=../lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# copy_checkout TO: what goes into a kernel tree, as it is at this moment: the
# patches, and TO/tree with the new files where tree.map puts them. Files that
# git ignores, and hidden ones, such as those of editors, stay behind.
copy_checkout() {
	local from to
	mkdir -p "$1"/{patches,tree}
	cp "$top"/patches/*.patch "$1/patches"
	while read -r from to; do
		[[ $from != "#" && -e $top/$from ]] || continue
		if [[ -d $top/$from ]]; then
			mkdir -p "$1/tree/$to"
			rsync -rlp --include=.gitignore --exclude='.*' --exclude='*~' \
				--filter=':- .gitignore' "$top/$from/" "$1/tree/$to"
		else
			mkdir -p "$1/tree/${to%/*}"
			cp "$top/$from" "$1/tree/$to"
		fi
	done <"$tools/kernel/tree.map"
}

# new_files COPY, changed_files COPY: the files of the kernel tree that such a
# copy adds, and those that its patches change.
new_files() {
	(cd "$1/tree" && find . -type f -printf '%P\n' | sort)
}

changed_files() {
	sed -n 's|^[-+][-+][-+] [ab]/||p' "$1"/patches/*.patch | sort -u
}

# copy_files FROM TO: those of the files named on standard input that FROM has.
copy_files() {
	local file
	while read -r file; do
		[[ ! -f $1/$file ]] || echo "$file"
	done | rsync -a --files-from=- "$1/" "$2"
}

# lay_copy COPY TO: changes the files in TO as the patches say, and adds the rest.
lay_copy() {
	local file
	for file in "$1"/patches/*.patch; do
		echo "applying patches/${file##*/}"
		patch -p1 -f -s -F0 --no-backup-if-mismatch -d "$2" <"$file" || return
	done
	cp -R "$1/tree/." "$2"
}
