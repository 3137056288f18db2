// SPDX-License-Identifier: GPL-2.0

//! What happens around the sources, as a test wants it.

use crate::alloc::AllocError;
use loom::thread::{
    self,
    JoinHandle, //
};
use std::cell::{
    Cell,
    RefCell, //
};

/// What a test decides.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) nr_other_cpus: usize,
    /// How often memory can be allocated.
    pub(crate) nr_allocs: usize,
    /// How often a task can look for a fatal signal until there is one.
    pub(crate) nr_calm: usize,
    /// How often a wait ends before there is a reason.
    pub(crate) nr_early: usize,
    /// Whether workers only begin when told to.
    pub(crate) is_slow: bool,
}

impl Machine {
    pub(crate) const fn new(nr_other_cpus: usize) -> Self {
        Self {
            nr_other_cpus,
            nr_allocs: usize::MAX,
            nr_calm: usize::MAX,
            nr_early: 0,
            is_slow: false,
        }
    }
}

thread_local! {
    static MACHINE: Cell<Machine> = const { Cell::new(Machine::new(0)) };
    static RUNNING: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
    static QUEUED: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn boot(machine: Machine) {
    MACHINE.set(machine);
}

/// Takes one from a number, unless it is zero already.
fn take(number: fn(&mut Machine) -> &mut usize) -> bool {
    let mut machine = MACHINE.get();
    let number = number(&mut machine);
    let left = number.checked_sub(1);

    *number = left.unwrap_or(0);
    MACHINE.set(machine);
    left.is_some()
}

pub(crate) fn nr_other_cpus() -> usize {
    MACHINE.get().nr_other_cpus
}

pub(crate) fn alloc() -> Result<(), AllocError> {
    take(|machine| &mut machine.nr_allocs)
        .then_some(())
        .ok_or(AllocError)
}

pub(crate) fn fatal_signal_pending() -> bool {
    !take(|machine| &mut machine.nr_calm)
}

pub(crate) fn wakes_early() -> bool {
    take(|machine| &mut machine.nr_early)
}

pub(crate) fn spawn(worker: impl FnOnce() + 'static) {
    QUEUED.with_borrow_mut(|queued| queued.push(Box::new(worker)));
    if !MACHINE.get().is_slow {
        let_workers_begin();
    }
}

pub(crate) fn let_workers_begin() {
    for worker in QUEUED.take() {
        let running = thread::spawn(worker);
        RUNNING.with_borrow_mut(|all| all.push(running));
    }
}

pub(crate) fn wait_for_workers() {
    for running in RUNNING.take() {
        running.join().unwrap();
    }
}
