// SPDX-License-Identifier: GPL-2.0

//! All interleavings of what is concurrent in memtrace, as [loom](https://docs.rs/loom) finds them.
//!
//! `rust/kernel/powerpc/chunks.rs` and `rust/memtrace/mapcount.rs` are compiled here as they are,
//! against the little that they use of the kernel crate, made of loom's types. loom runs a test
//! again and again, until it has tried each order of steps that makes a difference, and each value
//! that a load may return by the memory model of C11. A test fails by an assertion, by a deadlock,
//! by an `Arc` that is left over, or by two accesses to an `UnsafeCell` of which nothing says which
//! comes first: the tests have such cells where the kernel has memory.
//!
//! What that leaves open:
//!
//! - C11 is not the kernel's memory model. Where that orders more, such as by dependencies, loom
//!   would complain for nothing; none of these sources needs it.
//! - With `Relaxed`, C11 allows that a load returns what is only stored later ("load buffering").
//!   loom does not try that.
//! - There are at most five threads, a few chunks and two regions, and with a bound on preemptions
//!   only orders with as many.
//! - Locks, condition variables and reference counts are loom's, and work items are threads.

#![cfg(test)]

// The driver's name for this crate.
extern crate self as kernel;

mod explore;
mod machine;
mod memtrace;
mod mm;
mod sync;

mod prelude {
    pub(crate) use crate::{
        alloc::GFP_KERNEL,
        current,
        error::{
            Error,
            Result,
            EBUSY,
            EINTR, //
        }, //
    };
    pub(crate) use macros::{
        pin_data,
        pin_init, //
    };
}

mod error {
    use crate::alloc::AllocError;

    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Error(&'static str);

    pub(crate) const EBUSY: Error = Error("EBUSY");
    pub(crate) const EINTR: Error = Error("EINTR");
    pub(crate) const ENOMEM: Error = Error("ENOMEM");

    pub(crate) type Result<T = (), E = Error> = core::result::Result<T, E>;

    impl From<AllocError> for Error {
        fn from(_: AllocError) -> Self {
            ENOMEM
        }
    }
}

mod alloc {
    #[derive(Debug)]
    pub(crate) struct AllocError;

    pub(crate) struct Flags;

    pub(crate) const GFP_KERNEL: Flags = Flags;

    #[derive(Clone, Copy)]
    pub(crate) struct NumaNode;
}

mod page {
    pub(crate) const PAGE_SIZE: usize = 1 << 16;
}

mod sizes {
    pub(crate) const SZ_256K: usize = 1 << 18;
}

mod cpu {
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) struct CpuId(pub(crate) usize);

    impl CpuId {
        pub(crate) fn current() -> Self {
            Self(0)
        }
    }
}

mod numa {
    use crate::{
        alloc::NumaNode,
        cpu::CpuId,
        machine, //
    };

    /// All but the one that this runs on, which is on no node.
    pub(crate) fn online_cpus(_: NumaNode) -> impl Iterator<Item = CpuId> {
        (1..=machine::nr_other_cpus()).map(CpuId)
    }
}

mod task {
    use crate::machine;

    pub(crate) struct Task;

    impl Task {
        pub(crate) fn fatal_signal_pending(&self) -> bool {
            machine::fatal_signal_pending()
        }
    }

    #[macro_export]
    macro_rules! current {
        () => {
            $crate::task::Task
        };
    }
}

mod workqueue {
    use crate::{
        alloc::{
            AllocError,
            Flags, //
        },
        cpu::CpuId,
        machine,
    };

    pub(crate) struct Queue;

    pub(crate) fn system_dfl_long() -> &'static Queue {
        &Queue
    }

    impl Queue {
        pub(crate) fn try_spawn_on<T: FnOnce() + Send + 'static>(
            &self,
            _: CpuId,
            _: Flags,
            func: T,
        ) -> Result<(), AllocError> {
            machine::alloc()?;
            machine::spawn(func);
            Ok(())
        }
    }
}
