// SPDX-License-Identifier: GPL-2.0

//! Tests of `chunks.rs`.

use super::{
    chunks::ChunkWork,
    contig::PfnRange, //
};
use crate::{
    alloc::NumaNode,
    error::{
        Error,
        Result,
        EINTR,
        ENOMEM, //
    },
    explore::{
        explore,
        note, //
    },
    machine::{
        self,
        Machine, //
    },
};
use loom::{
    cell::UnsafeCell,
    lazy_static,
    thread::{
        self,
        ThreadId, //
    },
};
use std::ops::{
    Deref,
    Range, //
};

const START_PFN: usize = 3;
const NR_PAGES: usize = 5;
/// So that there are three chunks, the last of which is smaller.
const CHUNK_PAGES: usize = 2;
const NR_CHUNKS: usize = 3;

/// Who may access the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    /// Those who work on them.
    Workers,
    /// The one whom they were handed out to.
    Next,
    /// They have been dropped.
    Nobody,
}

/// The memory, without any lock: loom sees whether each access is ordered with the others.
struct Memory {
    user: UnsafeCell<User>,
    /// How often each page was worked on.
    pages: [UnsafeCell<usize>; NR_PAGES],
    /// How many chunks were done by the thread that started the work.
    nr_by_owner: UnsafeCell<usize>,
    owner: ThreadId,
}

// SAFETY: That is what is tested.
unsafe impl Sync for Memory {}

lazy_static! {
    static ref MEMORY: Memory = Memory {
        user: UnsafeCell::new(User::Workers),
        pages: Default::default(),
        nr_by_owner: UnsafeCell::new(0),
        owner: thread::current().id(),
    };
}

fn read<T: Copy>(cell: &UnsafeCell<T>) -> T {
    // SAFETY: loom panics if somebody may be writing.
    cell.with(|value| unsafe { *value })
}

fn write<T>(cell: &UnsafeCell<T>, new: T) {
    // SAFETY: loom panics if somebody may be reading or writing.
    cell.with_mut(|value| unsafe { *value = new });
}

fn nr_done() -> [usize; NR_PAGES] {
    std::array::from_fn(|i| read(&MEMORY.pages[i]))
}

/// Passes the memory on to another user. No access may be left over from the one before.
fn pass_on(from: User, to: User) {
    assert_eq!(read(&MEMORY.user), from);
    write(&MEMORY.user, to);
    for page in &MEMORY.pages {
        write(page, read(page));
    }
}

/// Pages that know where they are, and tell when they are dropped.
struct Pages(PfnRange);

impl Deref for Pages {
    type Target = PfnRange;

    fn deref(&self) -> &PfnRange {
        &self.0
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        note("drop of pages, used by", read(&MEMORY.user) as isize);
        assert_ne!(read(&MEMORY.user), User::Nobody);
        pass_on(read(&MEMORY.user), User::Nobody);
    }
}

fn work(pfns: Range<usize>) {
    note("work on", pfns.start as isize);
    assert!(!pfns.is_empty());
    assert_eq!(read(&MEMORY.user), User::Workers);
    for pfn in pfns {
        let page = &MEMORY.pages[pfn - START_PFN];
        write(page, read(page) + 1);
    }
    if thread::current().id() == MEMORY.owner {
        write(&MEMORY.nr_by_owner, read(&MEMORY.nr_by_owner) + 1);
    }
    assert_eq!(read(&MEMORY.user), User::Workers);
}

/// Starts to work on chunks of so many pages.
fn start(chunk_pages: usize) -> Result<ChunkWork<Pages>> {
    assert_eq!(thread::current().id(), MEMORY.owner);
    let pages = Pages(PfnRange::new(START_PFN, NR_PAGES));

    ChunkWork::start(pages, NumaNode, chunk_pages, work as fn(_)).map_err(|(pages, e)| {
        drop(pages);
        e
    })
}

/// Finishes what no signal ends.
fn finish(work: ChunkWork<Pages>) -> Pages {
    work.finish().map_err(|(_, e)| e).unwrap()
}

/// Uses the pages that were handed out, and drops them.
fn use_up(pages: Pages) {
    pass_on(User::Workers, User::Next);
    assert_eq!(nr_done(), [1; NR_PAGES]);
    drop(pages);
}

/// The same, or only drops them if not all is done.
fn use_up_as_it_is(pages: Result<Pages, (Option<Pages>, Error)>) {
    match pages {
        Ok(pages) => use_up(pages),
        Err((pages, e)) => {
            assert_eq!(e, EINTR);
            pass_on(User::Workers, User::Next);
            drop(pages.unwrap());
        }
    }
}

/// Waits until no worker is left, after the pages are gone. Returns how many chunks the owner did.
fn end() -> usize {
    let done = nr_done();
    assert_eq!(read(&MEMORY.user), User::Nobody);
    machine::wait_for_workers();
    assert_eq!(read(&MEMORY.user), User::Nobody);
    assert_eq!(nr_done(), done);
    read(&MEMORY.nr_by_owner)
}

fn do_all(chunk_pages: usize) -> usize {
    use_up(finish(start(chunk_pages).unwrap()));
    end()
}

#[test]
fn every_chunk_is_done_once() {
    let by_owner = explore(Machine::new(2), Some(5), || do_all(CHUNK_PAGES));

    assert_eq!(by_owner, [0, 1, 2, 3]);
}

#[test]
fn every_chunk_is_done_once_by_three_workers() {
    let by_owner = explore(Machine::new(3), Some(3), || do_all(1));

    assert_eq!(by_owner, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn nobody_works_on_what_was_dropped() {
    let done = explore(Machine::new(2), Some(5), || {
        drop(start(CHUNK_PAGES).unwrap());
        end();
        assert!(nr_done().iter().all(|&n| n <= 1));
        nr_done().iter().sum()
    });

    // The workers are stopped after any chunk.
    assert_eq!(done, [0, 2, 4, 5]);
}

#[test]
fn a_fatal_signal_ends_it_after_any_chunk() {
    for nr_calm in 0..=NR_CHUNKS + 1 {
        let machine = Machine {
            nr_calm,
            ..Machine::new(1)
        };
        let by_owner = explore(machine, None, move || {
            let pages = start(CHUNK_PAGES).unwrap().finish();

            assert_eq!(pages.is_err(), read(&MEMORY.nr_by_owner) == nr_calm);
            use_up_as_it_is(pages);
            end()
        });

        assert!(by_owner.into_iter().eq(0..=NR_CHUNKS.min(nr_calm)));
    }
}

#[test]
fn a_fatal_signal_stops_two_workers() {
    let machine = Machine {
        nr_calm: 1,
        ..Machine::new(2)
    };
    let done = explore(machine, Some(4), || {
        use_up_as_it_is(start(CHUNK_PAGES).unwrap().finish());
        end();
        nr_done().iter().sum()
    });

    // At least a chunk that the owner did before it looked again, or somebody else before that.
    assert_eq!(done, [2, 4, 5]);
}

#[test]
fn the_owner_makes_up_for_workers_that_there_is_no_memory_for() {
    for nr_workers in 0..2 {
        let machine = Machine {
            nr_allocs: 1 + nr_workers,
            ..Machine::new(2)
        };
        let by_owner = explore(machine, None, || do_all(CHUNK_PAGES));

        assert_eq!(by_owner.first() == Some(&NR_CHUNKS), nr_workers == 0);
    }
}

#[test]
fn pages_are_dropped_once_without_memory_to_begin() {
    let machine = Machine {
        nr_allocs: 0,
        ..Machine::new(2)
    };
    explore(machine, None, || {
        assert_eq!(start(CHUNK_PAGES).err(), Some(ENOMEM));
        assert_eq!(nr_done(), [0; NR_PAGES]);
        end()
    });
}

#[test]
fn workers_that_come_late_do_nothing() {
    let machine = Machine {
        is_slow: true,
        ..Machine::new(2)
    };
    explore(machine, None, || {
        let pages = finish(start(CHUNK_PAGES).unwrap());

        machine::let_workers_begin();
        use_up(pages);
        end()
    });
    explore(machine, None, || {
        drop(start(CHUNK_PAGES).unwrap());
        machine::let_workers_begin();
        end()
    });
}

#[test]
fn a_wait_that_ends_early_is_begun_again() {
    for nr_early in 1..=2 {
        let machine = Machine {
            nr_early,
            ..Machine::new(1)
        };
        explore(machine, None, || do_all(CHUNK_PAGES));
        explore(machine, None, || {
            drop(start(CHUNK_PAGES).unwrap());
            end()
        });
    }
}
