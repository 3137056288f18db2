// SPDX-License-Identifier: GPL-2.0

//! Tests of `mapcount.rs`.

use super::mapcount::{
    ClosedMapCount,
    MapCount,
    Mapping, //
};
use crate::{
    error::EBUSY,
    explore::explore,
    machine::Machine,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Arc,
        Mutex, //
    },
};
use loom::{
    cell::UnsafeCell,
    thread::{
        self,
        JoinHandle, //
    },
};
use std::sync::Arc as StdArc;

fn new<T>(contents: T) -> Arc<T> {
    Arc::new(contents, GFP_KERNEL).unwrap()
}

fn read<T: Copy>(cell: &UnsafeCell<T>) -> T {
    // SAFETY: loom panics if somebody may be writing.
    cell.with(|value| unsafe { *value })
}

fn write<T>(cell: &UnsafeCell<T>, new: T) {
    // SAFETY: loom panics if somebody may be reading or writing.
    cell.with_mut(|value| unsafe { *value = new });
}

/// Maps a region, does something with it, and unmaps it. Returns whether that was possible.
fn map(region: &Arc<MapCount>, inside: impl FnOnce()) -> bool {
    let Some(_mapping) = Mapping::new(region) else {
        return false;
    };
    inside();
    true
}

fn how_many(processes: impl IntoIterator<Item = JoinHandle<bool>>) -> usize {
    processes
        .into_iter()
        .map(|process| usize::from(process.join().unwrap()))
        .sum()
}

/// The count is not closed, and there is no mapping.
fn assert_open(region: &Arc<MapCount>) {
    assert_eq!(region.count(), 0);
    assert!(map(region, || {
        assert_eq!(ClosedMapCount::new(region).err(), Some(EBUSY))
    }));
    assert_eq!(region.count(), 0);
    assert!(ClosedMapCount::new(region).is_ok());
}

#[test]
fn nobody_is_inside_when_it_is_closed() {
    let outcomes = explore(Machine::new(0), Some(4), || {
        let region = new(MapCount::new());
        let nr_inside = StdArc::new(Atomic::<usize>::new(0));
        let processes = [(); 2].map(|()| {
            let (region, nr_inside) = (region.clone(), nr_inside.clone());
            thread::spawn(move || {
                map(&region, || {
                    nr_inside.fetch_add(1, Relaxed);
                    nr_inside.fetch_sub(1, Relaxed);
                })
            })
        });

        let closed = ClosedMapCount::new(&region);
        let is_closed = closed.is_ok();
        if is_closed {
            assert_eq!(nr_inside.fetch_add(0, Relaxed), 0);
            assert_eq!(region.count(), 0);
            assert_eq!(nr_inside.fetch_add(0, Relaxed), 0);
        } else {
            assert_eq!(closed.as_ref().err(), Some(&EBUSY));
        }
        drop(closed);
        let nr_mapped = how_many(processes);
        assert_open(&region);
        10 * usize::from(is_closed) + nr_mapped
    });

    // What is not closed lets all in.
    assert_eq!(outcomes, [2, 10, 11, 12]);
}

#[test]
fn all_mappings_of_a_region_are_counted() {
    let counts = explore(Machine::new(0), None, || {
        let region = new(MapCount::new());
        let process = {
            let region = region.clone();
            thread::spawn(move || map(&region, || assert!((1..=2).contains(&region.count()))))
        };

        let mapping = Mapping::new(&region);
        let count = region.count();
        assert_eq!(how_many([process]), 1);
        assert_eq!(region.count(), 1);
        drop(mapping);
        assert_open(&region);
        count
    });

    assert_eq!(counts, [1, 2]);
}

#[test]
fn it_is_busy_while_somebody_is_inside_and_no_longer() {
    let outcomes = explore(Machine::new(0), None, || {
        let region = new(MapCount::new());
        let nr_begun = StdArc::new(Atomic::<usize>::new(0));
        let nr_over = StdArc::new(Atomic::<usize>::new(0));
        let process = {
            let (region, nr_begun, nr_over) = (region.clone(), nr_begun.clone(), nr_over.clone());
            thread::spawn(move || {
                (0..2).all(|_| {
                    nr_begun.fetch_add(1, Relaxed);
                    let mapped = map(&region, || assert_eq!(region.count(), 1));
                    nr_over.fetch_add(1, Relaxed);
                    mapped
                })
            })
        };

        let nr_over = nr_over.fetch_add(0, Relaxed);
        let is_busy = ClosedMapCount::new(&region).is_err();
        let nr_begun = nr_begun.fetch_add(0, Relaxed);
        assert!(!is_busy || nr_over < nr_begun);

        process.join().unwrap();
        assert_open(&region);
        usize::from(is_busy)
    });

    assert_eq!(outcomes, [0, 1]);
}

#[test]
fn what_was_done_inside_is_over_when_it_is_closed() {
    let outcomes = explore(Machine::new(0), None, || {
        let region = new(MapCount::new());
        let memory = StdArc::new([(); 2].map(|()| UnsafeCell::new(0)));
        let processes = [0, 1].map(|i| {
            let (region, memory) = (region.clone(), memory.clone());
            thread::spawn(move || map(&region, || write(&memory[i], 1)))
        });

        // It stays closed until all have tried.
        let closed = ClosedMapCount::new(&region);
        let is_closed = closed.is_ok();
        let nr_written: usize = if is_closed {
            assert_eq!(region.count(), 0);
            memory.iter().map(read).sum()
        } else {
            0
        };
        let nr_mapped = how_many(processes);
        assert!(!is_closed || nr_written == nr_mapped);
        drop(closed);
        assert_open(&region);
        10 * usize::from(is_closed) + nr_mapped
    });

    assert_eq!(outcomes, [2, 10, 11, 12]);
}

/// A region, and what stands for its memory.
struct Region {
    mappings: Arc<MapCount>,
    is_ours: UnsafeCell<bool>,
}

/// What the driver has for one node, and who waits for whom in there.
struct Driver {
    /// Held while a write to `enable` is at work.
    request: Mutex<()>,
    /// The file `trace`. It does not go while somebody is mapping it.
    trace: Mutex<Option<Arc<Region>>>,
}

impl Driver {
    fn new() -> Self {
        Self {
            request: Mutex::new(()),
            trace: Mutex::new(Some(Region::new())),
        }
    }

    fn close(&self) -> Result<ClosedMapCount> {
        let region = self.trace.lock().clone().unwrap();
        ClosedMapCount::new(&region.mappings)
    }

    /// A write to `enable`: frees the region, and allocates and exposes a new one.
    fn request(&self) -> bool {
        let _one_at_a_time = self.request.lock();
        let Ok(closed) = self.close() else {
            return false;
        };
        let old = self.trace.lock().take().unwrap();
        assert_eq!(old.mappings.count(), 0);
        write(&old.is_ours, false);
        drop(closed);

        *self.trace.lock() = Some(Region::new());
        true
    }

    /// The same, for several nodes, of which another one is mapped.
    fn request_in_vain(&self) -> bool {
        let _one_at_a_time = self.request.lock();
        self.close().is_ok()
    }

    /// A process that maps `trace`, looks at the memory, and unmaps it.
    fn map(&self) -> bool {
        let mapped = self.trace.lock().as_ref().and_then(|region| {
            Mapping::new(&region.mappings).map(|mapping| (mapping, region.clone()))
        });
        let Some((_mapping, region)) = mapped else {
            return false;
        };
        assert!(read(&region.is_ours));
        true
    }
}

impl Region {
    fn new() -> Arc<Self> {
        new(Self {
            mappings: new(MapCount::new()),
            is_ours: UnsafeCell::new(true),
        })
    }
}

/// A write to `enable` while other threads do this. Returns how many of all were successful.
fn request_while(others: [fn(&Driver) -> bool; 2]) -> usize {
    let driver = StdArc::new(Driver::new());
    let others = others.map(|what| {
        let driver = driver.clone();
        thread::spawn(move || what(&driver))
    });

    let nr_successful = usize::from(driver.request()) + how_many(others);
    assert!(driver.close().is_ok());
    nr_successful
}

#[test]
fn no_region_is_given_back_while_it_is_mapped() {
    let nr_successful = explore(Machine::new(0), Some(4), || {
        request_while([Driver::map, Driver::map])
    });
    assert_eq!(nr_successful, [1, 2, 3]);

    let nr_successful = explore(Machine::new(0), None, || {
        request_while([Driver::map, Driver::request])
    });
    assert_eq!(nr_successful, [1, 2, 3]);

    let nr_successful = explore(Machine::new(0), None, || {
        request_while([Driver::map, Driver::request_in_vain])
    });
    assert_eq!(nr_successful, [1, 2, 3]);
}
