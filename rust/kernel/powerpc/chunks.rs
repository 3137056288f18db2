// SPDX-License-Identifier: GPL-2.0

//! Work on many pages, done in chunks by the CPUs of their node.

use crate::{
    alloc::NumaNode,
    cpu::CpuId,
    mm::contig::PfnRange,
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
    workqueue, //
};
use core::ops::{
    Deref,
    Range, //
};

/// The maximum number of workers. More do not help, as the workers wait for memory, not for each
/// other. Their CPUs are spread over the node, because the threads of a core have adjacent numbers.
const MAX_WORKERS: usize = 32;

/// The number of pages in a chunk: enough to amortize the cost of getting one, but few enough to
/// complete it soon.
pub(super) const CHUNK_PAGES: usize = if PAGE_SIZE < SZ_256K {
    SZ_256K / PAGE_SIZE
} else {
    1
};

/// The work to do on each chunk, which is passed as a range of pfns.
pub(super) trait Work: Send + Sync + 'static {
    fn run(&self, pfns: Range<usize>);
}

impl<F: Fn(Range<usize>) + Send + Sync + 'static> Work for F {
    fn run(&self, pfns: Range<usize>) {
        self(pfns);
    }
}

/// Work on pages in chunks, each of which is handed out once.
///
/// This owns the pages, a `T`, as long as any worker is working on any of them:
/// [`ChunkWork::finish`] first prevents workers from starting another chunk, and waits for all
/// chunks that have been started. Only then does it return the pages. Dropping this does the same,
/// and then drops the pages. Work on a chunk may rely on everything that the existence of the `T`
/// guarantees.
pub(super) struct ChunkWork<T, W = fn(Range<usize>)>(Arc<Shared<T, W>>);

#[pin_data]
struct Shared<T, W> {
    range: PfnRange,
    chunk_pages: usize,
    work: W,
    /// The first pfn that has not been handed out yet, or one beyond the range.
    next: Atomic<usize>,
    #[pin]
    workers: Mutex<Workers<T>>,
    #[pin]
    worker_left: CondVar,
}

struct Workers<T> {
    nr_active: usize,
    /// [`None`] as soon as workers must no longer start.
    pages: Option<T>,
}

// The pages are moved out of this.
impl<T> Unpin for Workers<T> {}

/// Returns whether item `i` of `nr` is chosen, if `nr_chosen` of them are chosen evenly.
fn is_chosen(i: usize, nr_chosen: usize, nr: usize) -> bool {
    i * nr_chosen / nr != (i + 1) * nr_chosen / nr
}

impl<T: Deref<Target = PfnRange> + Send + 'static, W: Work> ChunkWork<T, W> {
    /// Starts to do `work` on each chunk of `pages`, which must be on `node` and not be empty. A
    /// chunk has `chunk_pages` pages, or fewer if it is the last one.
    ///
    /// The caller helps by calling [`ChunkWork::finish`], which also does the work of workers that
    /// could not be started for lack of memory.
    ///
    /// # Errors
    ///
    /// `pages` and [`ENOMEM`] if there is no memory to keep track of the work. No work has been
    /// done in that case.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub(super) fn start(
        pages: T,
        node: NumaNode,
        chunk_pages: usize,
        work: W,
    ) -> Result<Self, (T, Error)> {
        let range = *pages;
        let shared = match Arc::pin_init(
            pin_init!(Shared {
                range,
                chunk_pages,
                work,
                next: Atomic::new(range.start_pfn()),
                workers <- new_mutex!(Workers { nr_active: 0, pages: None }),
                worker_left <- new_condvar!(),
            }),
            GFP_KERNEL,
        ) {
            Ok(shared) => shared,
            Err(e) => return Err((pages, e)),
        };
        shared.workers.lock().pages = Some(pages);

        let nr_chunks = range.nr_pages().div_ceil(chunk_pages);
        let here = CpuId::current();
        let cpus = || numa::online_cpus(node).filter(|cpu| *cpu != here);
        let nr_cpus = cpus().count();
        let nr_workers = nr_cpus.min(nr_chunks - 1).min(MAX_WORKERS);
        // Other CPUs may have come online since then.
        for (i, cpu) in cpus().take(nr_cpus).enumerate() {
            if !is_chosen(i, nr_workers, nr_cpus) {
                continue;
            }
            let shared = shared.clone();
            let spawned = workqueue::system_dfl_long()
                .try_spawn_on(cpu, GFP_KERNEL, move || shared.run_worker());
            if spawned.is_err() {
                break;
            }
        }
        Ok(Self(shared))
    }

    /// Helps with the work until all of it is done, and returns the pages.
    ///
    /// # Errors
    ///
    /// The pages (always [`Some`]) and [`EINTR`] if the current task received a fatal signal, no
    /// matter how much has been done by then.
    ///
    /// # Context
    ///
    /// Process context. May sleep.
    pub(super) fn finish(self) -> Result<T, (Option<T>, Error)> {
        loop {
            if current!().fatal_signal_pending() {
                return Err((self.0.stop(), EINTR));
            }
            if !self.0.run_chunk() {
                return self.0.stop().ok_or((None, EINTR));
            }
        }
    }
}

impl<T, W: Work> Shared<T, W> {
    fn run_worker(&self) {
        {
            let mut workers = self.workers.lock();
            if workers.pages.is_none() {
                return;
            }
            workers.nr_active += 1;
        }
        while self.run_chunk() {}

        self.workers.lock().nr_active -= 1;
        self.worker_left.notify_all();
    }

    /// Does the work on the next chunk. Returns whether there was one.
    ///
    /// This may only be called by an active worker or by the owner.
    fn run_chunk(&self) -> bool {
        let end = self.range.pfns().end;
        let pfn = self.next.fetch_add(self.chunk_pages, Relaxed);
        if pfn >= end {
            return false;
        }

        self.work.run(pfn..end.min(pfn + self.chunk_pages));
        true
    }
}

impl<T, W> Shared<T, W> {
    /// Prevents workers from starting another chunk, and returns the pages once no worker uses
    /// them. Returns [`None`] if called again.
    fn stop(&self) -> Option<T> {
        self.next.store(self.range.pfns().end, Relaxed);

        let mut workers = self.workers.lock();
        let pages = workers.pages.take();
        while workers.nr_active > 0 {
            self.worker_left.wait(&mut workers);
        }
        pages
    }
}

impl<T, W> Drop for ChunkWork<T, W> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[macros::kunit_tests(rust_powerpc_chunks)]
mod tests {
    use super::*;
    use crate::{
        mm::contig::ContigPages,
        time::{
            delay::fsleep,
            Delta,
            Instant,
            Monotonic, //
        },
    };

    static NR_CHUNKS: Atomic<usize> = Atomic::new(0);
    static NR_PAGES: Atomic<usize> = Atomic::new(0);
    static SUM: Atomic<usize> = Atomic::new(0);

    fn count(pfns: Range<usize>) {
        NR_CHUNKS.fetch_add(1, Relaxed);
        NR_PAGES.fetch_add(pfns.len(), Relaxed);
        SUM.fetch_add(pfns.sum(), Relaxed);
    }

    fn some_pages() -> Result<ContigPages> {
        let node = numa::memory_nodes().iter().next().ok_or(ENODEV)?;

        NR_CHUNKS.store(0, Relaxed);
        NR_PAGES.store(0, Relaxed);
        SUM.store(0, Relaxed);
        ContigPages::alloc(16, GFP_KERNEL, node)
    }

    #[test]
    fn as_many_as_wanted_are_chosen_evenly() {
        for nr in 1..=40 {
            for nr_chosen in 0..=nr {
                let chosen =
                    |range: Range<usize>| range.filter(|i| is_chosen(*i, nr_chosen, nr)).count();

                assert_eq!(chosen(0..nr), nr_chosen);
                for i in 0..nr {
                    assert_eq!(chosen(0..i), i * nr_chosen / nr);
                }
            }
        }
    }

    #[test]
    fn every_page_is_in_one_chunk() -> Result {
        for chunk_pages in 1..=17 {
            let pages = some_pages()?;
            let node = pages.node();
            let work = ChunkWork::start(pages, node, chunk_pages, count).map_err(|(_, e)| e)?;

            let pages = work.finish().map_err(|(_, e)| e)?;
            assert_eq!(NR_PAGES.load(Relaxed), pages.nr_pages());
            assert_eq!(
                NR_CHUNKS.load(Relaxed),
                pages.nr_pages().div_ceil(chunk_pages)
            );
            assert_eq!(SUM.load(Relaxed), pages.pfns().sum::<usize>());
        }
        Ok(())
    }

    #[test]
    fn chunk_is_small() {
        assert_eq!(CHUNK_PAGES * PAGE_SIZE, SZ_256K.max(PAGE_SIZE));
    }

    #[test]
    fn nobody_begins_after_the_end() -> Result {
        let pages = some_pages()?;
        let node = pages.node();
        let work = ChunkWork::start(pages, node, 1, count).map_err(|(_, e)| e)?;
        let shared = work.0.clone();

        drop(work);
        NR_PAGES.store(0, Relaxed);
        shared.run_worker();
        assert!(!shared.run_chunk());
        assert_eq!(NR_PAGES.load(Relaxed), 0);
        Ok(())
    }

    /// The number of chunks being worked on, and that number when the pages were dropped.
    static NR_AT_WORK: Atomic<usize> = Atomic::new(0);
    static NR_AT_DROP: Atomic<usize> = Atomic::new(0);

    struct Watched(ContigPages);

    impl Deref for Watched {
        type Target = PfnRange;

        fn deref(&self) -> &PfnRange {
            &self.0
        }
    }

    impl Drop for Watched {
        fn drop(&mut self) {
            NR_AT_DROP.store(NR_AT_WORK.load(Relaxed), Relaxed);
        }
    }

    fn take_long(_: Range<usize>) {
        NR_AT_WORK.fetch_add(1, Relaxed);
        fsleep(Delta::from_millis(20));
        NR_AT_WORK.fetch_sub(1, Relaxed);
    }

    #[test]
    fn pages_are_kept_while_somebody_works_on_them() -> Result {
        let pages = some_pages()?;
        let node = pages.node();
        let work = ChunkWork::start(Watched(pages), node, 1, take_long).map_err(|(_, e)| e)?;

        // Meanwhile workers start, if there is more than one CPU.
        work.0.run_chunk();
        NR_AT_DROP.store(usize::MAX, Relaxed);
        drop(work);
        assert_eq!(NR_AT_DROP.load(Relaxed), 0);
        Ok(())
    }

    /// How many chunks should be worked on at the same time, how many were, and whether to stop
    /// waiting.
    static NR_WANTED: Atomic<usize> = Atomic::new(0);
    static NR_SEEN: Atomic<usize> = Atomic::new(0);
    static ENOUGH: Atomic<usize> = Atomic::new(0);

    fn wait_for_all(_: Range<usize>) {
        let start_time = Instant::<Monotonic>::now();
        let nr_at_work = NR_AT_WORK.fetch_add(1, Relaxed) + 1;

        if nr_at_work >= NR_WANTED.load(Relaxed) {
            NR_SEEN.store(nr_at_work, Relaxed);
            ENOUGH.store(1, Relaxed);
        }
        while ENOUGH.load(Relaxed) == 0 && start_time.elapsed() < Delta::from_secs(30) {
            fsleep(Delta::from_millis(1));
        }
        ENOUGH.store(1, Relaxed);
        NR_AT_WORK.fetch_sub(1, Relaxed);
    }

    #[test]
    fn there_are_as_many_at_work_as_the_node_has_cpus() -> Result {
        for node in numa::memory_nodes().iter() {
            // This task may be on another node, or migrate there.
            let nr_cpus = numa::online_cpus(node).count().clamp(1, MAX_WORKERS);
            let pages = ContigPages::alloc(64, GFP_KERNEL | __GFP_THISNODE, node)?;

            NR_WANTED.store(nr_cpus, Relaxed);
            NR_SEEN.store(0, Relaxed);
            ENOUGH.store(0, Relaxed);
            let work = ChunkWork::start(pages, node, 1, wait_for_all).map_err(|(_, e)| e)?;
            work.finish().map_err(|(_, e)| e)?;
            assert!(NR_SEEN.load(Relaxed) >= nr_cpus);
        }
        Ok(())
    }
}
