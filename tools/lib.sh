# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scripts of the host: paths, progress messages, and locks between
# concurrent runs.

set -euo pipefail

# Use only Debian's tools: a rustc from rustup, for example, often comes first in PATH
# and lacks the library source that the kernel needs. The calling make would pass its
# variables on to the kernel's make.
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2034 # for the scripts
top=$(dirname "$tools")

# What the patches are made for.
# shellcheck disable=SC2034 # for the scripts
linux_version=7.3

cache=${CACHE:-${XDG_CACHE_HOME:-~/.cache}/memtrace}
mkdir -p "$cache/log"
cache=$(cd "$cache" && pwd)

# Standard output is for results and for the guest; everything else is printed here.
say() {
	printf '%s\n' "$*" >&2
}

fail() {
	say "error: $*"
	exit 1
}

# Shows that a long step is alive until standard input ends: its time and the
# last line of its log, every second on a terminal, else every 20 seconds.
show_progress() {
	local what=$1 log=$2 began=$SECONDS every=20 form='%s: %d s so far: %s\n' ended
	if [[ -t 2 ]]; then
		every=1 form='\r\033[K%s: %d s: %s'
	fi
	while true; do
		ended=0
		read -rt "$every" || ended=$?
		((ended > 128)) || break
		# shellcheck disable=SC2059 # the form is one of the two above
		printf "$form" "$what" $((SECONDS - began)) \
			"$(tail -n 1 "$log" | tr -s '\t\r ' ' ' | cut -c 1-60)" >&2
	done
	if [[ -t 2 ]]; then
		printf '\r\033[K' >&2
	fi
}

# attempt WHAT COMMAND...: runs COMMAND, shows progress, and sets the caller's
# log, status and took.
attempt() {
	local what=$1 began=$SECONDS beat progress
	shift
	log=$cache/log/$(date +%Y%m%d-%H%M%S)-$$-${what//[^[:alnum:]]/-}.log
	: >"$log"
	exec {beat}> >(show_progress "$what" "$log")
	progress=$!
	set +e # not "||", which would switch off -e within COMMAND as well
	(
		set -e
		"$@"
	) </dev/null >"$log" 2>&1
	status=$?
	set -e
	exec {beat}>&-
	wait "$progress" || true
	# shellcheck disable=SC2034 # for the caller
	took=$((SECONDS - began))
}

# outcome WHAT: prints how long it took, or what went wrong. Fails if what was just attempted did.
outcome() {
	if ((status)); then
		say "$1: FAILED after $took s; the end of $log:"
		tail -n 20 "$log" | sed 's/^/    /' >&2
		return 1
	fi
	say "$1: $took s"
}

# step WHAT ADVICE COMMAND...: runs COMMAND, and prints how long it took, or what
# went wrong and how to fix it.
step() {
	local what=$1 advice=$2 log status took
	shift 2
	attempt "$what" "$@"
	outcome "$what" || fail "$advice"
}

# crate NAME VERSION: makes sure that the program is in $cache/NAME-VERSION/bin.
crate() {
	[[ -d $cache/$1-$2 ]] ||
		step "Building $1 $2" "is crates.io within reach of cargo?" install_crate "$1" "$2"
}

install_crate() {
	local partial=$cache/$1.partial package=$1
	[[ $1 != bindgen ]] || package=bindgen-cli
	rm -rf "$partial"
	RUSTC=/usr/bin/rustc /usr/bin/cargo install --locked --version "$2" --root "$partial" "$package"
	mv "$partial" "$cache/$1-$2"
}

# lock NAME: held until this process and all that it started have ended.
lock() {
	local fd
	exec {fd}>"$cache/$1.lock"
	if ! flock -w 2 "$fd"; then
		say "waiting for another run to finish with $1"
		flock "$fd"
	fi
}

# prune KEEP FILE...: removes all but the KEEP newest files.
prune() {
	local keep=$1 old
	shift
	# shellcheck disable=SC2012 # names of our own making
	{ ls -dt "$@" 2>/dev/null || true; } | tail -n +$((keep + 1)) |
		while read -r old; do
			rm -rf "$old"
		done
}
prune 500 "$cache"/log/*
