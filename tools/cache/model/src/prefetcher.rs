// SPDX-License-Identifier: GPL-2.0

//! What decides which lines come in that nobody asked for.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{
        Relaxed,
        SeqCst, //
    },
};

/// How hard the prefetcher tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strength {
    /// After a miss, so many lines that follow come in.
    pub(crate) neighbours: u32,
    /// Once in so many accesses of a CPU some other line comes in. 0: never.
    pub(crate) random: u32,
    pub(crate) seed: u64,
}

/// Of the lines that were flushed, one in so many is remembered.
const REMEMBERED: u32 = 64;

/// Lines that have left the cache of late. Somebody relies on it that they are out: those are the
/// ones to bring back.
pub(crate) struct Flushed(Box<[AtomicU64]>);

impl Flushed {
    pub(crate) fn new() -> Self {
        Self((0..1024).map(|_| AtomicU64::new(0)).collect())
    }
}

/// A CPU's share of the prefetcher. Only the CPU's thread uses it, but for `at_work`.
#[repr(align(128))] // or the threads would wait for each other's writes
pub(crate) struct Cpu {
    random: AtomicU64,
    left: AtomicU32,
    flushes: AtomicU32,
    at_work: AtomicBool,
}

impl Cpu {
    pub(crate) fn new(number: usize, strength: &Strength) -> Self {
        let seed = (strength.seed << 8 | number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);

        Self {
            random: AtomicU64::new(seed | 1),
            left: AtomicU32::new(strength.random),
            flushes: AtomicU32::new(0),
            at_work: AtomicBool::new(false),
        }
    }

    /// Returns the next number of xorshift64*.
    fn next(&self) -> u64 {
        let mut x = self.random.load(Relaxed);

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random.store(x, Relaxed);
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Returns a number below `end`, which is not 0.
    pub(crate) fn below(&self, end: u64) -> u64 {
        self.next() % end
    }

    /// Returns whether it is time for a random line. To call at each access.
    #[inline(always)]
    pub(crate) fn is_time(&self, strength: &Strength) -> bool {
        if strength.random == 0 {
            return false;
        }
        let left = self.left.load(Relaxed);
        if left > 1 {
            self.left.store(left - 1, Relaxed);
            return false;
        }
        // Not always the same place in a loop.
        self.left.store(
            1 + self.below(2 * u64::from(strength.random) - 1) as u32,
            Relaxed,
        );
        true
    }

    /// Chooses a line below `end`, in half of all cases one that was flushed not long ago.
    pub(crate) fn choose(&self, flushed: &Flushed, end: usize) -> usize {
        let any = self.below(end as u64);

        if self.below(2) == 0 {
            return any as usize;
        }
        let one = flushed.0[self.below(flushed.0.len() as u64) as usize].load(Relaxed);
        ((one + self.below(u64::from(REMEMBERED))) % end as u64) as usize
    }

    /// Remembers now and then that `line` was flushed.
    pub(crate) fn note_flush(&self, flushed: &Flushed, line: usize) {
        let flushes = self.flushes.load(Relaxed);

        self.flushes.store(flushes.wrapping_add(1), Relaxed);
        if flushes.is_multiple_of(REMEMBERED) {
            flushed.0[self.below(flushed.0.len() as u64) as usize].store(line as u64, Relaxed);
        }
    }

    /// While `prefetch` runs, what it sees in the mapping is there: see [`wait_for`].
    ///
    /// A thread can lose its CPU of the host at any place, and would otherwise bring in, long after,
    /// what had been in the linear mapping before.
    pub(crate) fn work(&self, prefetch: impl FnOnce()) {
        self.at_work.store(true, SeqCst);
        prefetch();
        self.at_work.store(false, SeqCst);
    }
}

/// Waits for each prefetch that may not know yet how the mapping has changed.
pub(crate) fn wait_for(cpus: &[Cpu]) {
    for cpu in cpus {
        while cpu.at_work.load(SeqCst) {
            std::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strength(random: u32, seed: u64) -> Strength {
        Strength {
            neighbours: 0,
            random,
            seed,
        }
    }

    fn numbers(number: usize, seed: u64) -> Vec<u64> {
        let cpu = Cpu::new(number, &strength(1, seed));

        (0..8).map(|_| cpu.next()).collect()
    }

    #[test]
    fn numbers_follow_from_the_seed_and_the_cpu() {
        assert_eq!(numbers(0, 1), numbers(0, 1));
        assert_ne!(numbers(0, 1), numbers(0, 2));
        assert_ne!(numbers(0, 1), numbers(1, 1));
    }

    #[test]
    fn it_is_time_as_often_as_asked_for() {
        for random in [1, 2, 100] {
            let strength = strength(random, 1);
            let cpu = Cpu::new(0, &strength);
            let times = (0..100_000).filter(|_| cpu.is_time(&strength)).count();
            let expected = 100_000 / random as usize;

            assert!(
                times.abs_diff(expected) <= expected / 10,
                "{times}, {random}"
            );
        }
        let never = strength(0, 1);
        let cpu = Cpu::new(0, &never);
        assert!((0..1000).all(|_| !cpu.is_time(&never)));
    }

    #[test]
    fn flushed_lines_are_favoured_and_all_are_chosen() {
        let cpu = Cpu::new(0, &strength(1, 1));
        let flushed = Flushed::new();
        let end = 1 << 20;
        for line in 0..1 << 18 {
            cpu.note_flush(&flushed, (1 << 19) + line % 4096);
        }

        let chosen: Vec<_> = (0..10_000).map(|_| cpu.choose(&flushed, end)).collect();
        let recent = (1 << 19)..(1 << 19) + 4096;
        let favoured = chosen.iter().filter(|line| recent.contains(*line)).count();
        assert!((4500..5500).contains(&favoured), "{favoured}");
        assert!(chosen.iter().all(|line| *line < end));
        for eighth in 0..8 {
            assert!(chosen.iter().any(|line| *line / (end / 8) == eighth));
        }
    }

    #[test]
    fn who_is_at_work_is_waited_for() {
        let cpus = [Cpu::new(0, &strength(1, 1))];
        let done = AtomicBool::new(false);
        let began = AtomicBool::new(false);

        std::thread::scope(|scope| {
            scope.spawn(|| {
                cpus[0].work(|| {
                    began.store(true, SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    done.store(true, SeqCst);
                })
            });
            while !began.load(SeqCst) {
                std::thread::yield_now();
            }
            wait_for(&cpus);
            assert!(done.load(SeqCst));
        });
    }
}
