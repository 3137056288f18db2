// SPDX-License-Identifier: GPL-2.0

//! Runs a test in all interleavings, and shows the one in which it failed.

use crate::machine::{
    self,
    Machine, //
};
use loom::{
    model::Builder,
    thread::{
        self,
        ThreadId, //
    }, //
};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    panic::{
        self,
        Location, //
    },
    sync::{
        Arc,
        Mutex,
        Once, //
    }, //
};

/// What a thread did, and where.
struct Step {
    thread: ThreadId,
    place: &'static Location<'static>,
    what: &'static str,
    value: isize,
}

thread_local! {
    /// Of this interleaving. loom's threads are all one of the real ones.
    static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
}

/// Adds a step, as one of the caller.
#[track_caller]
pub(crate) fn note(what: &'static str, value: isize) {
    let step = Step {
        thread: thread::current().id(),
        place: Location::caller(),
        what,
        value,
    };
    STEPS.with_borrow_mut(|steps| steps.push(step));
}

fn show_steps() {
    STEPS.with_borrow(|steps| {
        for step in steps {
            let file = step.place.file().rsplit('/').next().unwrap_or_default();
            let place = format!("{file}:{}", step.place.line());
            println!(
                "  {:?}  {place:<16} {} {}",
                step.thread, step.what, step.value
            );
        }
    });
}

/// Runs `test` on `machine`, in all interleavings, or in those in which threads are preempted as
/// often as `preemptions` says. Returns what it has returned, so that the caller sees that all that
/// can happen did.
pub(crate) fn explore(
    machine: Machine,
    preemptions: Option<usize>,
    test: impl Fn() -> usize + Send + Sync + 'static,
) -> Vec<usize> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            usual(info);
            show_steps();
        }));
    });

    let seen = Arc::new(Mutex::new((0, BTreeSet::new())));
    let also_seen = seen.clone();
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        STEPS.with_borrow_mut(Vec::clear);
        machine::boot(machine);
        let outcome = test();
        machine::wait_for_workers();

        let mut seen = also_seen.lock().unwrap();
        seen.0 += 1;
        seen.1.insert(outcome);
    });

    let seen = seen.lock().unwrap();
    println!("{} interleavings", seen.0);
    seen.1.iter().copied().collect()
}
