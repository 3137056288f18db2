# SPDX-License-Identifier: GPL-2.0
#
# The commands for users. The work is done by the scripts in tools/, which take
# the same settings: make passes those on its command line to them as
# environment variables. tools/on-debian runs them on Debian.

.PHONY: help run check bench vm shell series kit install-tree uninstall-tree modules

help:
	@sed -n 's/^#| \{0,1\}//p' $(MAKEFILE_LIST)

run:
	@tools/on-debian tools/guest/run

check:
	@tools/on-debian tools/check/check

bench:
	@tools/on-debian tools/bench/bench

vm:
	@tools/on-debian tools/guest/vm

shell:
	@tools/on-debian tools/guest/vm shell

series:
	@tools/on-debian tools/series/series

kit:
	@tools/on-debian tools/kit/build

install-tree:
	@tools/series/install-tree install

uninstall-tree:
	@tools/series/install-tree uninstall

# The kernel's make gets the variables of this one, such as ARCH and LLVM.
modules:
	@tools/series/install-tree driver
	@$(MAKE) -C $(KDIR) M=$(CURDIR)/modules CONFIG_PPC_MEMTRACE_RUST=m modules

#| memtrace in Rust, for Linux on POWER. As root, or with sudo, on Debian 12 or 13
#| (on another system in a Debian of its own, see README.md):
#|
#|   make run      boot a guest, load memtrace, allocate memory and free it
#|   make check    every test. QUICK=1: the main ones; TEST=NAME: one row of the
#|                 table, one program in selftests/, or one test there (TEST=?
#|                 lists them; TEST=KASAN runs only if named); MUTANTS=1: check
#|                 that the tests detect each change in tools/mutants/by-hand/,
#|                 MUTANTS=NAME: one of them; MUTANTS=all: all mutants that
#|                 cargo-mutants generates, which takes hours; it can be
#|                 interrupted, and resumes; MUTANTS=2/8: a share of those;
#|                 SERIES=1: check that the kernel builds after each patch;
#|                 PDBG=FILE: run pdbg, a static program for ppc64le, in a guest
#|   make bench    compare the speed with that of the C driver: 50 minutes on an
#|                 idle machine with 20 GiB free. PAIRS=1 SEEDS=1 is a quick trial
#|   make vm SCRIPT=FILE [NAME=VALUE...]
#|                 boot a guest and run FILE in it, with sh, as root, in a folder
#|                 that holds FILE and FILES. /proc, /sys, /dev, /tmp and debugfs
#|                 are mounted; FILE has to run "modprobe memtrace" itself.
#|   make shell    the same guest, with a shell. "exit" ends it.
#|
#|   FILES="A B"       more files and folders for the guest
#|   MACHINE=powernv9  or powernv8, powernv10; or pseries, which has no memtrace
#|   MMU=radix         with the page sizes of hardware; or radix-64k, with those of
#|                     unmodified QEMU; or hash, the only MMU of powernv8
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
#| panic. Otherwise make exits with 2. To get the exit status, run
#|   SCRIPT=FILE [NAME=VALUE...] tools/guest/vm
#| which exits with the status of FILE, or with 124 if TIMEOUT has expired.
#|
#| And for a kernel of your own:
#|   make series   write the patches as mails, for git am, to series/
#|   make kit      memtrace-kit.tar.xz: for somebody who has a POWER machine, to try
#|                 memtrace there and write a report
#|   make install-tree KDIR=/path
#|                 put memtrace into the kernel tree there; make uninstall-tree
#|                 takes it out again
#|   make modules KDIR=/path [ARCH=powerpc LLVM=-19 ...]
#|                 build modules/memtrace.ko for the kernel that was built there,
#|                 with the same ARCH and so on
