// SPDX-License-Identifier: GPL-2.0

//! Work on many pages, done chunk by chunk by the CPUs of their node.

use crate::{
    alloc::NumaNode,
    mm::contig::PfnRange,
    new_condvar,
    new_mutex,
    numa,
    prelude::*,
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
use core::ops::Range;

/// More workers than this do not help: they wait for memory, not for each other.
const MAX_WORKERS: usize = 32;

/// Work on pages, of which each chunk is given out once.
///
/// Dropping it keeps everybody from beginning with another chunk, and waits for who is at one: what
/// works on a chunk may rely on all that is true as long as this exists.
pub(super) struct ChunkWork(Arc<Shared>);

#[pin_data]
struct Shared {
    range: PfnRange,
    chunk_pages: usize,
    work: fn(Range<usize>),
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

impl ChunkWork {
    /// Begins to call `work` with the pfns of each chunk of `range`, which is on `node` and not
    /// empty. A chunk has `chunk_pages` pages, the last one perhaps less.
    ///
    /// The caller is to help with [`ChunkWork::do_chunk`], and makes up for workers that there is
    /// no memory for.
    ///
    /// # Errors
    ///
    /// [`ENOMEM`] if there is no memory to keep track of the work. Nothing has been done then.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub(super) fn begin(
        range: PfnRange,
        node: NumaNode,
        chunk_pages: usize,
        work: fn(Range<usize>),
    ) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                range,
                chunk_pages,
                work,
                next: Atomic::new(range.start_pfn()),
                workers <- new_mutex!(Workers { nr_active: 0, closed: false }),
                worker_left <- new_condvar!(),
            }),
            GFP_KERNEL,
        )?;

        let nr_chunks = range.nr_pages().div_ceil(chunk_pages);
        let nr_workers = numa::nr_other_cpus(node)
            .min(nr_chunks - 1)
            .min(MAX_WORKERS);
        for _ in 0..nr_workers {
            let shared = shared.clone();
            let spawned = workqueue::system_dfl()
                .try_spawn_on_node(node, GFP_KERNEL, move || shared.run_worker());
            if spawned.is_err() {
                break;
            }
        }
        Ok(Self(shared))
    }

    /// Does the work on the next chunk. Returns whether there was one.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub(super) fn do_chunk(&self) -> bool {
        self.0.do_chunk()
    }
}

impl Shared {
    fn run_worker(&self) {
        {
            let mut workers = self.workers.lock();
            if workers.closed {
                return;
            }
            workers.nr_active += 1;
        }
        while self.do_chunk() {}

        self.workers.lock().nr_active -= 1;
        self.worker_left.notify_all();
    }

    /// Only for an active worker and for the owner.
    fn do_chunk(&self) -> bool {
        let end = self.range.pfns().end;
        let pfn = self.next.fetch_add(self.chunk_pages, Relaxed);
        if pfn >= end {
            return false;
        }

        (self.work)(pfn..end.min(pfn + self.chunk_pages));
        cond_resched();
        true
    }
}

impl Drop for ChunkWork {
    fn drop(&mut self) {
        self.0.next.store(self.0.range.pfns().end, Relaxed);

        let mut workers = self.0.workers.lock();
        workers.closed = true;
        while workers.nr_active > 0 {
            self.0.worker_left.wait(&mut workers);
        }
    }
}

#[macros::kunit_tests(rust_mm_chunks)]
mod tests {
    use super::*;
    use crate::mm::contig::ContigPages;

    static NR_PAGES: Atomic<usize> = Atomic::new(0);
    static SUM: Atomic<usize> = Atomic::new(0);

    fn count(pfns: Range<usize>) {
        NR_PAGES.fetch_add(pfns.len(), Relaxed);
        SUM.fetch_add(pfns.sum(), Relaxed);
    }

    fn some_pages() -> Result<ContigPages> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;

        NR_PAGES.store(0, Relaxed);
        SUM.store(0, Relaxed);
        ContigPages::alloc(16, GFP_KERNEL, node)
    }

    #[test]
    fn every_page_is_in_one_chunk() -> Result {
        for chunk_pages in 1..=17 {
            let pages = some_pages()?;
            let work = ChunkWork::begin(*pages, pages.node(), chunk_pages, count)?;

            while work.do_chunk() {}
            drop(work);
            assert_eq!(NR_PAGES.load(Relaxed), pages.nr_pages());
            assert_eq!(SUM.load(Relaxed), pages.pfns().sum::<usize>());
        }
        Ok(())
    }

    #[test]
    fn nobody_begins_after_the_end() -> Result {
        let pages = some_pages()?;
        let work = ChunkWork::begin(*pages, pages.node(), 1, count)?;
        let shared = work.0.clone();

        drop(work);
        NR_PAGES.store(0, Relaxed);
        shared.run_worker();
        assert!(!shared.do_chunk());
        assert_eq!(NR_PAGES.load(Relaxed), 0);
        Ok(())
    }
}
