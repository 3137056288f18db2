# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Runs in the guest for "make check": try-memtrace, with one test program, and prints its
# report.

# That of busybox lacks an option that the runner of the tests uses.
rm -f /bin/timeout

cd memtrace-kit && ./try-memtrace log && cat memtrace-report.txt
