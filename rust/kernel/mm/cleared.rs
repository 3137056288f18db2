// SPDX-License-Identifier: GPL-2.0

//! Pages that are zeroed and not in any cache.

use crate::{
    alloc::NumaNode,
    bindings,
    mm::contig::{
        ContigPages,
        PfnRange, //
    },
    new_condvar,
    new_mutex,
    numa,
    page::PAGE_SIZE,
    prelude::*,
    sizes::SZ_256K,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        CondVar,
        Mutex, //
    },
    task::cond_resched,
    workqueue, //
};
use core::ops::Deref;

/// Contiguous pages that are zero in memory and in no data cache.
///
/// What comes next may access them cache-inhibited, or by a device that does not snoop.
///
/// # Examples
///
/// ```
/// use kernel::{
///     mm::contig::ContigPages,
///     numa, //
/// };
///
/// let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;
/// let pages = ContigPages::alloc(16, GFP_KERNEL, node)?.clear()?.finish()?;
///
/// assert_eq!(pages.nr_pages(), 16);
/// # Ok::<(), Error>(())
/// ```
///
/// # Invariants
///
/// Since the last byte was written back and invalidated nobody has accessed the pages, which are
/// owned and have no user yet.
pub struct ClearedPages(ContigPages);

/// Contiguous pages that are being zeroed, by workers on the CPUs of their node.
///
/// Dropping this ends the work and gives the pages back to the page allocator. It waits for what
/// each worker has just begun.
pub struct ClearingPages {
    // Dropped before the pages, so that no worker is left by then.
    work: OwnedWork,
    pages: ContigPages,
}

/// How much is zeroed before it is flushed: it should still be in the cache by then.
const CHUNK_PAGES: usize = if PAGE_SIZE < SZ_256K {
    SZ_256K / PAGE_SIZE
} else {
    1
};

/// More workers than this do not help: they wait for memory, not for each other.
const MAX_WORKERS: usize = 32;

impl ContigPages {
    /// Begins to zero the pages, and to write them back and invalidate them in the data cache.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if there is no memory to keep track of the work. The pages have then been freed.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn clear(self) -> Result<ClearingPages> {
        let work = Arc::pin_init(ClearWork::new(*self), GFP_KERNEL)?;

        // The caller is to help in `finish()`, and makes up for workers that there is no memory
        // for.
        let nr_chunks = self.nr_pages().div_ceil(CHUNK_PAGES);
        let nr_workers = numa::nr_other_cpus(self.node())
            .min(nr_chunks - 1)
            .min(MAX_WORKERS);
        for _ in 0..nr_workers {
            let work = work.clone();
            let spawned =
                workqueue::system_dfl()
                    .try_spawn_on_node(self.node(), GFP_KERNEL, move || work.run_worker());
            if spawned.is_err() {
                break;
            }
        }

        Ok(ClearingPages {
            work: OwnedWork(work),
            pages: self,
        })
    }
}

impl ClearingPages {
    /// Helps until all is done.
    ///
    /// # Errors
    ///
    /// [`EINTR`] if the current task got a fatal signal. The pages have then been freed.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub fn finish(self) -> Result<ClearedPages> {
        let Self { work, pages } = self;

        while work.0.clear_next_chunk() {
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
        }
        // Waits for workers that are not through with their last chunk.
        drop(work);

        // INVARIANT: Each chunk was flushed after it was written, and `pages` is the only owner.
        Ok(ClearedPages(pages))
    }
}

/// What is to be done for some pages, and who is at it.
#[pin_data]
struct ClearWork {
    range: PfnRange,
    /// The first pfn that nobody has begun with, or one beyond the range.
    next: Atomic<usize>,
    #[pin]
    workers: Mutex<Workers>,
    #[pin]
    worker_left: CondVar,
}

struct Workers {
    nr_active: usize,
    /// Whether nobody may begin any more.
    closed: bool,
}

impl ClearWork {
    fn new(range: PfnRange) -> impl PinInit<Self> {
        pin_init!(Self {
            range,
            next: Atomic::new(range.pfns().start),
            workers <- new_mutex!(Workers { nr_active: 0, closed: false }),
            worker_left <- new_condvar!(),
        })
    }

    fn run_worker(&self) {
        {
            let mut workers = self.workers.lock();
            if workers.closed {
                return;
            }
            workers.nr_active += 1;
        }
        while self.clear_next_chunk() {}

        self.workers.lock().nr_active -= 1;
        self.worker_left.notify_all();
    }

    /// Returns whether there was one. May only be called by an active worker, or while the pages
    /// are owned.
    fn clear_next_chunk(&self) -> bool {
        let pfn = self.next.fetch_add(CHUNK_PAGES, Relaxed);
        if pfn >= self.range.pfns().end {
            return false;
        }
        let nr_pages = usize::min(CHUNK_PAGES, self.range.pfns().end - pfn);

        // SAFETY: Any pfn of memory that the kernel owns has an address in the linear mapping.
        let addr = unsafe { bindings::pfn_to_kaddr(pfn) };
        // SAFETY: The pages from `pfn` on were given to nobody else by `next`. They are owned for
        // as long as there are workers, by `OwnedWork`, and as pages that were just allocated they
        // are in the linear mapping, which is contiguous. `nr_pages` is not zero and fits the type,
        // being at most `CHUNK_PAGES`.
        unsafe { bindings::clear_pages(addr.cast_mut(), nr_pages as u32) };
        let start = addr as usize;
        // SAFETY: As above, each cache line of that range is mapped.
        unsafe { bindings::flush_dcache_range(start, start + nr_pages * PAGE_SIZE) };

        cond_resched();
        true
    }
}

/// Work on pages that are owned for as long as this is.
struct OwnedWork(Arc<ClearWork>);

impl Drop for OwnedWork {
    fn drop(&mut self) {
        self.0.next.store(self.0.range.pfns().end, Relaxed);

        let mut workers = self.0.workers.lock();
        workers.closed = true;
        while workers.nr_active > 0 {
            self.0.worker_left.wait(&mut workers);
        }
    }
}

impl ClearedPages {
    /// Returns the node that the pages are on.
    pub fn node(&self) -> NumaNode {
        self.0.node()
    }
}

impl Deref for ClearedPages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}
