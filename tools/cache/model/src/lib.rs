// SPDX-License-Identifier: GPL-2.0

//! A QEMU plugin that gives the guest a data cache, of the worst kind, and looks whether memtrace
//! can live with it.
//!
//! Memory that is accessed cache-inhibited, or written by hardware that does not snoop, may have no
//! line in a data cache: the access would miss what the line has, and the line, when it is written
//! back or read, would undo what was written behind its back. QEMU has no caches, so that nothing in
//! a guest goes wrong by this. Here each line of the guest's memory is in the cache or not:
//!
//! - A cacheable load, store or `dcbz` brings its line in. `dcbf` and `dcbi` take it out, `dcbst`
//!   leaves a clean one, through whatever address.
//! - Nothing else ever takes a line out: the cache has room for all memory, as nobody may rely on
//!   what it would have made room for.
//! - A prefetcher brings in what nobody asked for: the next lines after a miss, and now and then any
//!   line that the linear mapping has at that time, as the architecture allows it to.
//! - There is one cache for all CPUs. Where a line is in does not matter: `dcbf` reaches all of
//!   them, but for its local variants, which are no flush here.
//!
//! A cache-inhibited access to a line that is in is a violation. So is each line that is in when a
//! region is offered, and that comes in afterwards: from then on hardware may write at any time.
//!
//! The plugin needs no help of the guest: it knows the addresses of a few functions of the kernel
//! from System.map, and watches them being called. The same guest with another driver does as well.
//!
//! What it does not see:
//!
//! - the attributes of a page. What is cache-inhibited follows from the address: the range for
//!   `ioremap()`, and in a process what is no longer in the linear mapping;
//! - accesses by the MMU and by instruction fetches, and `dcbt`, which QEMU ignores;
//! - the second line of an access that crosses into it, and `dcbz` of the kernel to a page of a
//!   process, which the kernel has zeroed through the linear mapping before;
//! - that `dcbf` is done only when a `sync` is;
//! - firmware's instructions, which are big endian. Its memory is never trace memory;
//! - the layout of addresses with the hash MMU and 4 KiB pages, which is another one.

#![warn(clippy::undocumented_unsafe_blocks)]
// The tests do without QEMU, and so without the only user of most of this.
#![cfg_attr(test, allow(dead_code))]

mod cache;
mod instruction;
mod lines;
mod mapping;
mod prefetcher;
mod report;
mod symbols;
mod violations;
mod watch;

// What needs QEMU.
#[cfg(not(test))]
mod plugin;
#[cfg(not(test))]
mod settings;
