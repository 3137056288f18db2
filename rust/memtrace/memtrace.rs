// SPDX-License-Identifier: GPL-2.0

//! Memory for the Hardware Trace Macro (HTM) of POWER processors.
//!
//! The HTM writes its trace straight to physical memory, and needs a contiguous range of it, on
//! each chip that is traced, that nobody else touches. This driver takes it at run time, from each
//! NUMA node that has memory, and gives it back.
//!
//! - [`enable`]: the file that takes a size and gives or takes back trace memory.
//! - [`status`]: the file that tells how it stands with each node.
//! - [`region`]: the trace memory of one node, and how it comes and goes.
//! - [`trace`]: the file through which processes read and map a region.

use kernel::{
    debugfs::{
        Dir,
        File, //
    },
    powerpc::machine_is_powernv,
    prelude::*,
    sync::Arc, //
};

mod enable;
mod region;
mod status;
mod trace;

use enable::Enable;
use status::{
    Status,
    StatusFile, //
};

module! {
    type: Memtrace,
    name: "memtrace",
    description: "Runtime allocation of RAM for the Hardware Trace Macro of POWER",
    license: "GPL",
}

#[pin_data]
struct Memtrace {
    #[pin]
    _enable: File<Enable>,
    #[pin]
    _status: File<StatusFile>,
}

impl kernel::InPlaceModule for Memtrace {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            if !machine_is_powernv() {
                return Err(ENODEV);
            }
            let dir = Dir::new_in_arch_dir(c"memtrace");
            let status = Arc::pin_init(Status::new(), GFP_KERNEL)?;

            Ok(try_pin_init!(Self {
                _enable <- dir.text_file(c"enable", Enable::new(dir.clone(), status.clone())),
                _status <- dir.text_file(c"status", StatusFile(status)),
            }))
        })
    }
}
