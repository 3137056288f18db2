# SPDX-License-Identifier: GPL-2.0
#
# What people type. The work is done by the scripts in guest/, which take the
# same settings: make hands those given on its command line to them as
# environment variables.

.PHONY: help run check bench vm shell series install-tree uninstall-tree modules

help:
	@sed -n 's/^#| \{0,1\}//p' $(MAKEFILE_LIST)

run:
	@guest/run

check:
	@guest/check

bench:
	@guest/bench

vm:
	@guest/vm

shell:
	@guest/vm shell

series:
	@guest/series

install-tree:
	@guest/kdir install

uninstall-tree:
	@guest/kdir uninstall

# The kernel's make gets what was said to this one, such as ARCH and LLVM.
modules:
	@guest/kdir driver
	@$(MAKE) -C $(KDIR) M=$(CURDIR)/modules CONFIG_PPC_MEMTRACE_RUST=m modules

#| memtrace in Rust, for Linux on POWER. As root, or with sudo, on Debian 12 or 13:
#|
#|   make run      boot a guest, load memtrace, take memory and give it back
#|   make check    every test. QUICK=1: the main ones; TEST=NAME: one row of the
#|                 table, one program in selftests/, or one test there (TEST=?
#|                 lists them; only by name: TEST=KASAN); MUTANTS=1: that the
#|                 tests notice each way of breaking memtrace in guest/mutants/,
#|                 MUTANTS=NAME: one of them; MUTANTS=all: each that a machine
#|                 finds, for some hours; it can be interrupted, and goes on where
#|                 it was; MUTANTS=2/8: a share of those; SERIES=1: that the kernel
#|                 builds after each of patches/
#|   make bench    measure this memtrace beside the C driver, for 50 minutes on an
#|                 idle machine with 20 GiB free. PAIRS=1 SEEDS=1 is a quick trial
#|   make vm SCRIPT=FILE [NAME=VALUE...]
#|                 boot a guest and run FILE in it, with sh, as root, in a folder
#|                 that holds FILE and FILES. /proc, /sys, /dev, /tmp and debugfs
#|                 are there, "modprobe memtrace" is up to FILE.
#|   make shell    the same guest, with a shell. "exit" ends it.
#|
#|   FILES="A B"       more files and folders for the guest
#|   MACHINE=powernv9  or powernv8, powernv10; or pseries, which has no memtrace
#|   MMU=radix         with the page sizes of hardware; radix-64k with those of
#|                     bare QEMU; hash, which is all that powernv8 has
#|   NODES=1 CPUS=2 MEM=4G   memory is split evenly among the nodes
#|   APPEND="..."      more for the kernel's command line
#|   KERNEL=rust       memtrace.ko; builtin: the same, built in; c: the C driver
#|                     instead, built in; 4k: memtrace.ko, with pages of 4 KiB;
#|                     debug: memtrace.ko and all checks (KUnit tests run with
#|                     APPEND=kunit.enable=1); kasan: the same and KASAN, ten
#|                     times as slow
#|   TIMEOUT=300       seconds until the guest is stopped
#|
#|   LINUX=/path       a kernel tree of your own instead of Debian's linux-source
#|   COMPILER=clang-19 for the kernel's C code; or gcc, or a newer clang of this Debian
#|   CACHE=/path       instead of ~/.cache/memtrace
#|
#| make vm succeeds if FILE does and the kernel prints no WARNING, BUG, Oops or
#| panic. make can only say 2 for everything else. To know more, say
#|   SCRIPT=FILE [NAME=VALUE...] guest/vm
#| which ends with the status of FILE, or 124 when TIMEOUT ran out.
#|
#| And for a kernel of your own:
#|   make series   write the patches as mails, for git am, to series/
#|   make install-tree KDIR=/path
#|                 put memtrace into the kernel tree there; make uninstall-tree
#|                 takes it out again
#|   make modules KDIR=/path [ARCH=powerpc LLVM=-19 ...]
#|                 build modules/memtrace.ko for the kernel that was built there,
#|                 with the same ARCH and so on as that
