// SPDX-License-Identifier: GPL-2.0

//! Memory for the Hardware Trace Macro (HTM) of POWER processors.
//!
//! The HTM writes its trace directly to physical memory. On each chip that is traced it needs a
//! contiguous range of memory that nobody else accesses. This driver allocates such memory at run
//! time, on each selected NUMA node, and frees it again.
//!
//! - [`enable`]: the file that takes a size, and allocates and frees trace memory.
//! - [`nodes`]: the file that selects the nodes.
//! - [`status`]: the file that reports the state of each node.
//! - [`region`]: the trace memory of one node, and how it is allocated and freed.
//! - [`places`]: where a region could be, and what is in the way.
//! - [`trace`]: the file through which processes read and map a region.
//! - [`mapcount`]: what prevents a region from being freed while it is mapped.
//! - [`events`]: the tracepoints.
//! - [`kexec`]: what the log says when another kernel takes over.

use kernel::{
    debugfs::{
        self,
        File, //
    },
    module_param::ModuleParam,
    numa::NodeSet,
    page::PAGE_SIZE,
    powerpc::{
        crash,
        machine_is_powernv, //
    },
    prelude::*,
    reboot,
    str::{
        parse_size,
        BStr, //
    },
    sync::Arc,
    uaccess::UserSliceReader, //
};

mod enable;
mod events;
mod kexec;
mod mapcount;
mod nodes;
mod places;
mod region;
mod status;
mod trace;

use enable::Enable;
use kexec::{
    AtCrash,
    AtReboot, //
};
use nodes::{
    Nodes,
    NodesFile, //
};
use status::{
    Status,
    StatusFile, //
};

module! {
    type: Memtrace,
    name: "memtrace",
    description: "Runtime allocation of RAM for the Hardware Trace Macro of POWER",
    license: "GPL",
    params: {
        size: Size {
            default: Size(0),
            description: "Bytes to allocate on each node at load (suffixes: K, M, G, T)",
        },
        nodes: NodeSet {
            default: NodeSet::empty(),
            description: "Nodes to allocate on, such as 0,8-9 (default: all that have memory)",
        },
        movable: bool {
            default: true,
            description: "Use ZONE_MOVABLE if there is no other memory (default: y)",
        },
    },
}

/// A size in bytes.
#[derive(Clone, Copy)]
struct Size(u64);

impl ModuleParam for Size {
    fn try_from_param_arg(arg: &BStr) -> Result<Self> {
        parse_size(arg).map(Self)
    }
}

/// A directory. While a file in it is open, this module cannot be unloaded.
type Dir = debugfs::Dir<LocalModule>;

/// Returns the text that is written to a file in one call. Text of a page or more is invalid.
fn read_text(reader: &mut UserSliceReader) -> Result<KVec<u8>> {
    if reader.len() >= PAGE_SIZE {
        return Err(EINVAL);
    }
    let mut text = KVec::from_elem(0, reader.len(), GFP_KERNEL)?;
    reader.read_slice(&mut text)?;
    Ok(text)
}

#[pin_data]
struct Memtrace {
    #[pin]
    enable: File<Enable>,
    #[pin]
    _nodes: File<NodesFile>,
    #[pin]
    _status: File<StatusFile>,
    // Until the regions are freed.
    #[pin]
    _at_reboot: reboot::Registration<AtReboot>,
    // Without it, the trace of a crash is only harder to find.
    _at_crash: Option<crash::Registration<AtCrash>>,
}

impl kernel::InPlaceModule for Memtrace {
    fn init(_module: &'static ThisModule) -> impl PinInit<Self, Error> {
        pin_init::pin_init_scope(|| {
            if !machine_is_powernv() {
                return Err(ENODEV);
            }
            let size = module_parameters::size.value_ref().0;
            enable::check(size)?;

            let dir = Dir::new_in_arch_dir(c"memtrace");
            let status = Arc::pin_init(Status::new(), GFP_KERNEL)?;
            let nodes = Arc::pin_init(Nodes::new(), GFP_KERNEL)?;
            nodes.select(*module_parameters::nodes.value_ref())?;

            let enable = Enable::new(
                dir.clone(),
                nodes.clone(),
                *module_parameters::movable.value_ref(),
                status.clone(),
            );
            Ok(try_pin_init!(Self {
                _at_crash: crash::Registration::new().ok(),
                _at_reboot <- reboot::Registration::new(AtReboot),
                // From here on it must not fail: that would free the module even if a file is
                // already open.
                _nodes <- dir.read_write_file(c"nodes", NodesFile(nodes)),
                _status <- dir.read_only_file(c"status", StatusFile(status)),
                enable <- dir.read_write_file(c"enable", enable),
            })
            .pin_chain(move |this| {
                this.enable.alloc_at_load(size);
                Ok(())
            }))
        })
    }
}
