// SPDX-License-Identifier: GPL-2.0

//! The cache itself: what each access does to it, and the rule.

use crate::{
    lines::{
        Before,
        By,
        How,
        Lines,
        LINE_SHIFT,
        MAX_CPUS, //
    },
    mapping::Mapping,
    prefetcher::{
        wait_for,
        Cpu,
        Flushed,
        Strength, //
    },
    violations::{
        Violations,
        What, //
    },
};
use std::{
    ops::Range,
    sync::atomic::{
        AtomicU64,
        Ordering::Relaxed, //
    },
};

/// By which kind of address memory is accessed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Through {
    /// The linear mapping: neighbours of an address are neighbours in memory.
    Linear,
    /// Some cacheable page, of at least 4 KiB.
    Page,
    /// A mapping that is cache-inhibited.
    Inhibited,
}

const LINES_OF_A_PAGE: usize = 4096 >> LINE_SHIFT;

/// While a range leaves the linear mapping, the prefetcher uses its last chance so many times.
const LAST_CHANCES: u64 = 64;

/// How much was checked.
#[derive(Default)]
pub(crate) struct Checked {
    /// Lines that were offered, and how many of them were in.
    pub(crate) offered: AtomicU64,
    pub(crate) offered_in: AtomicU64,
    /// Regions that left the linear mapping.
    pub(crate) unmapped: AtomicU64,
}

/// What a CPU did, counted by its thread.
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Done {
    pub(crate) inhibited: AtomicU64,
    pub(crate) flushed: AtomicU64,
    pub(crate) flushed_inhibited: AtomicU64,
    pub(crate) neighbours: AtomicU64,
    pub(crate) random: AtomicU64,
}

fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

pub(crate) struct Cache {
    lines: Lines,
    mapping: Mapping,
    strength: Strength,
    flushed: Flushed,
    cpus: Vec<Cpu>,
    done: Vec<Done>,
    pub(crate) violations: Violations,
    pub(crate) checked: Checked,
}

impl Cache {
    /// The cache of a guest with so many bytes of memory.
    pub(crate) fn new(memory: u64, strength: Strength) -> Self {
        Self {
            lines: Lines::new(memory),
            mapping: Mapping::new(memory),
            strength,
            flushed: Flushed::new(),
            cpus: (0..MAX_CPUS).map(|i| Cpu::new(i, &strength)).collect(),
            done: (0..MAX_CPUS).map(|_| Done::default()).collect(),
            violations: Violations::default(),
            checked: Checked::default(),
        }
    }

    /// Returns what all CPUs did together, as `counter` tells.
    pub(crate) fn done(&self, counter: impl Fn(&Done) -> &AtomicU64) -> u64 {
        self.done
            .iter()
            .map(|done| counter(done).load(Relaxed))
            .sum()
    }

    /// A load, a store or `dcbz`.
    #[inline(always)]
    pub(crate) fn access(&self, by: By, line: usize, how: How, through: Through) {
        let cpu = &self.cpus[by.cpu as usize % MAX_CPUS];

        // The linear mapping is never a region's; if it has what is one, then wrongly.
        match through {
            Through::Page if self.mapping.is_region(line) => return self.inhibited(by, line, how),
            Through::Inhibited => return self.inhibited(by, line, how),
            _ => (),
        }
        if !self.lines.has(line, how) {
            self.need(cpu, by, line, how, through);
        }
        if cpu.is_time(&self.strength) {
            self.prefetch_any(cpu, by);
        }
    }

    /// An access that the line as it is does not do for.
    #[inline(never)]
    fn need(&self, cpu: &Cpu, by: By, line: usize, how: How, through: Through) {
        let before = self.lines.bring_in(line, how, by);

        if before == Before::Missing && self.mapping.is_offered(line) {
            self.violated(What::CameIn, by, line);
        }
        // A stream goes on when it meets what was prefetched for it.
        if before != Before::In {
            self.prefetch_neighbours(cpu, by, line, through);
        }
    }

    fn prefetch_neighbours(&self, cpu: &Cpu, by: By, line: usize, through: Through) {
        let mut end = line + 1 + self.strength.neighbours as usize;
        if through != Through::Linear {
            end = end.min((line | (LINES_OF_A_PAGE - 1)) + 1);
        }

        let mut came = 0;
        cpu.work(|| {
            for next in line + 1..end {
                // Nobody knows whose page follows in another mapping, but the linear one has it.
                if !self.mapping.is_linear(next) {
                    break;
                }
                let before = self.lines.bring_in(next, How::Neighbour, by);
                came += u64::from(before == Before::Missing);
            }
        });
        add(&self.done[by.cpu as usize % MAX_CPUS].neighbours, came);
    }

    #[inline(never)]
    fn prefetch_any(&self, cpu: &Cpu, by: By) {
        let line = cpu.choose(&self.flushed, self.lines.len());

        self.prefetch(cpu, by, line);
    }

    fn prefetch(&self, cpu: &Cpu, by: By, line: usize) {
        let mut came = false;

        cpu.work(|| {
            came = self.mapping.is_linear(line)
                && self.lines.bring_in(line, How::Random, by) == Before::Missing;
        });
        add(
            &self.done[by.cpu as usize % MAX_CPUS].random,
            u64::from(came),
        );
    }

    #[inline(never)]
    fn inhibited(&self, by: By, line: usize, how: How) {
        add(&self.done[by.cpu as usize % MAX_CPUS].inhibited, 1);
        if !self.lines.is_in(line) {
            return;
        }
        self.violated(
            if how == How::Load {
                What::InhibitedLoad
            } else {
                What::InhibitedStore
            },
            by,
            line,
        );
    }

    fn violated(&self, what: What, by: By, line: usize) {
        // It may have been taken out at this moment: then it was in all the same.
        let Some(state) = self.lines.get(line) else {
            return;
        };

        self.violations.count();
        if !state.reported && self.lines.report(line) {
            self.violations.note(what, by, line, &state);
        }
    }

    /// `dcbf` or `dcbi`.
    pub(crate) fn take_out(&self, by: By, line: usize, through: Through) {
        let cpu = &self.cpus[by.cpu as usize % MAX_CPUS];
        let done = &self.done[by.cpu as usize % MAX_CPUS];

        self.lines.take_out(line);
        add(&done.flushed, 1);
        add(
            &done.flushed_inhibited,
            u64::from(through == Through::Inhibited),
        );
        cpu.note_flush(&self.flushed, line);
        if cpu.is_time(&self.strength) {
            self.prefetch_any(cpu, by);
        }
    }

    /// `dcbst`.
    pub(crate) fn clean(&self, line: usize) {
        self.lines.clean(line);
    }

    /// `bytes` enter the linear mapping.
    pub(crate) fn map(&self, bytes: &Range<u64>) {
        self.mapping.map(bytes);
    }

    /// `bytes` have just left the linear mapping.
    pub(crate) fn unmap(&self, by: By, bytes: &Range<u64>) {
        // Until then whoever could was allowed to.
        if self.strength.random != 0 && !bytes.is_empty() {
            let cpu = &self.cpus[by.cpu as usize % MAX_CPUS];
            for _ in 0..LAST_CHANCES {
                let byte = bytes.start + cpu.below(bytes.end - bytes.start);
                self.prefetch(cpu, by, (byte >> LINE_SHIFT) as usize);
            }
        }

        self.mapping.unmap(bytes);
        wait_for(&self.cpus);
        add(&self.checked.unmapped, 1);
    }

    /// `bytes` are mapped by `ioremap()`, at `address`.
    pub(crate) fn ioremap(&self, address: u64, bytes: &Range<u64>) {
        self.mapping.ioremap(address, bytes);
    }

    /// What `ioremap()` has mapped at `address` is unmapped.
    pub(crate) fn iounmap(&self, address: u64) {
        self.mapping.iounmap(address);
    }

    /// Returns the line that `ioremap()` has mapped at `address`.
    #[inline(always)]
    pub(crate) fn find_inhibited(&self, address: u64) -> Option<usize> {
        self.mapping.find_inhibited(address)
    }

    /// From now on others can see what is mapped by `ioremap()`.
    pub(crate) fn offer(&self, by: By) {
        self.mapping.offer(|lines| {
            self.checked.offered.fetch_add(lines.len() as u64, Relaxed);
            for line in lines {
                if self.lines.is_in(line) {
                    self.checked.offered_in.fetch_add(1, Relaxed);
                    self.violated(What::Offered, by, line);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Line;

    const MEMORY: u64 = 128 << 20;
    /// A region in the middle.
    const REGION: Range<u64> = (48 << 20)..(80 << 20);
    const IO: u64 = 0xc00a_0000_0000_0000;
    const BY: By = By {
        cpu: 0,
        instruction: 1,
    };
    const OTHER: By = By {
        cpu: 1,
        instruction: 2,
    };

    fn cache(neighbours: u32, random: u32) -> Cache {
        Cache::new(
            MEMORY,
            Strength {
                neighbours,
                random,
                seed: 1,
            },
        )
    }

    fn line(byte: u64) -> usize {
        (byte >> LINE_SHIFT) as usize
    }

    fn first() -> usize {
        line(REGION.start)
    }

    fn all() -> Range<usize> {
        line(REGION.start)..line(REGION.end)
    }

    fn violations(cache: &Cache) -> u64 {
        cache.violations.count.load(Relaxed)
    }

    fn in_region(cache: &Cache) -> usize {
        all()
            .filter(|line| cache.lines.get(*line).is_some())
            .count()
    }

    fn zero(cache: &Cache, lines: Range<usize>) {
        for line in lines {
            cache.access(BY, line, How::Zero, Through::Linear);
        }
    }

    fn flush(cache: &Cache, lines: Range<usize>, through: Through) {
        for line in lines {
            cache.take_out(BY, line, through);
        }
    }

    fn read(cache: &Cache, through: Through) {
        for line in all() {
            cache.access(BY, line, How::Load, through);
        }
    }

    /// From the linear mapping to where others see it.
    fn offer(cache: &Cache) {
        cache.unmap(BY, &REGION);
        cache.ioremap(IO, &REGION);
        cache.offer(BY);
    }

    #[test]
    fn flushed_in_one_pass_no_line_is_in() {
        let cache = cache(8, 0);

        zero(&cache, all());
        flush(&cache, all(), Through::Linear);
        offer(&cache);
        read(&cache, Through::Inhibited);
        read(&cache, Through::Page);
        assert_eq!(violations(&cache), 0);
        assert_eq!(cache.checked.offered.load(Relaxed), all().len() as u64);
        assert_eq!(cache.done(|done| &done.inhibited), 2 * all().len() as u64);
    }

    #[test]
    fn each_line_that_was_not_flushed_is_told_once() {
        let cache = cache(8, 0);

        zero(&cache, all());
        offer(&cache);
        let lines = all().len() as u64;
        assert_eq!(cache.checked.offered_in.load(Relaxed), lines);
        read(&cache, Through::Inhibited);
        assert_eq!(violations(&cache), 2 * lines);
        let kinds = cache.violations.kinds();
        assert_eq!(kinds.iter().map(|(_, seen)| seen.lines).sum::<u64>(), lines);
        assert!(kinds.iter().all(|(kind, _)| kind.what == What::Offered));
        assert_eq!(kinds.iter().map(|(_, seen)| seen.dirty).sum::<u64>(), lines);
    }

    #[test]
    fn neighbours_of_the_next_chunk_bring_back_what_was_flushed() {
        let cache = cache(8, 0);
        let half = first() + all().len() / 2;

        // One worker flushes the second half before another zeroes the end of the first.
        zero(&cache, half..all().end);
        flush(&cache, half..all().end, Through::Linear);
        zero(&cache, first()..half);
        flush(&cache, first()..half, Through::Linear);
        assert_eq!(in_region(&cache), 8);
        offer(&cache);
        read(&cache, Through::Inhibited);
        assert_eq!(violations(&cache), 16);
        let kinds = cache.violations.kinds();
        assert_eq!(kinds.len(), 1);
        assert_eq!(kinds[0].0.how, How::Neighbour);
        assert_eq!(kinds[0].1.line, half);
    }

    #[test]
    fn flush_through_the_other_mapping_is_no_violation_and_takes_lines_out() {
        let cache = cache(8, 0);

        zero(&cache, all());
        cache.unmap(BY, &REGION);
        cache.ioremap(IO, &REGION);
        flush(&cache, all(), Through::Inhibited);
        cache.offer(BY);
        read(&cache, Through::Inhibited);
        assert_eq!(violations(&cache), 0);
        assert_eq!(
            cache.done(|done| &done.flushed_inhibited),
            all().len() as u64
        );
    }

    #[test]
    fn neighbours_end_where_the_linear_mapping_does() {
        let cache = cache(64, 0);

        offer(&cache);
        cache.access(BY, first() - 1, How::Load, Through::Linear);
        assert_eq!(in_region(&cache), 0);
        assert_eq!(violations(&cache), 0);
        cache.map(&REGION);
        cache.take_out(BY, first() - 1, Through::Linear);
        cache.access(BY, first() - 1, How::Load, Through::Linear);
        assert_eq!(in_region(&cache), 64);
    }

    #[test]
    fn neighbours_end_with_a_page_that_is_mapped_alone() {
        let cache = cache(64, 0);

        cache.access(BY, 30, How::Load, Through::Page);
        assert!(cache.lines.get(31).is_some());
        assert!(cache.lines.get(32).is_none());
    }

    #[test]
    fn only_the_first_access_brings_in_neighbours() {
        let cache = cache(1, 0);

        cache.access(BY, 0, How::Load, Through::Linear);
        cache.take_out(BY, 1, Through::Linear);
        cache.access(BY, 0, How::Store, Through::Linear);
        assert!(cache.lines.get(1).is_none());
        assert!(cache.lines.get(0).unwrap().dirty);
    }

    #[test]
    fn stream_goes_on_with_what_was_prefetched() {
        let cache = cache(2, 0);

        cache.access(BY, 0, How::Load, Through::Linear);
        assert!(!cache.lines.is_in(3));
        cache.access(BY, 1, How::Load, Through::Linear);
        assert!(cache.lines.is_in(3));
        assert!(!cache.lines.is_in(4));
    }

    #[test]
    fn neighbour_is_clean_and_knows_whose_it_is() {
        let cache = cache(1, 0);

        cache.access(OTHER, 0, How::Store, Through::Linear);
        assert_eq!(
            cache.lines.get(1),
            Some(Line {
                dirty: false,
                reported: false,
                how: How::Neighbour,
                by: OTHER
            })
        );
    }

    /// Flushed in one pass before it is unmapped, and brought back in between.
    #[test]
    fn random_lines_come_back_while_the_linear_mapping_has_them() {
        let cache = cache(0, 100);

        zero(&cache, all());
        flush(&cache, all(), Through::Linear);
        offer(&cache);
        assert!(cache.checked.offered_in.load(Relaxed) > 0);
        assert!(cache
            .violations
            .kinds()
            .iter()
            .all(|(kind, _)| kind.how == How::Random));
    }

    #[test]
    fn random_lines_do_not_come_back_afterwards() {
        let cache = cache(8, 1);

        zero(&cache, all());
        cache.unmap(BY, &REGION);
        cache.ioremap(IO, &REGION);
        flush(&cache, all(), Through::Inhibited);
        for line in 0..100_000 {
            cache.access(OTHER, line, How::Load, Through::Linear);
        }
        cache.offer(BY);
        for line in 100_000..300_000 {
            cache.access(OTHER, line, How::Load, Through::Linear);
        }
        read(&cache, Through::Inhibited);
        assert!(cache.done(|done| &done.random) > 10_000);
        assert_eq!(violations(&cache), 0);
    }

    #[test]
    fn line_that_comes_in_when_the_region_is_offered_is_told() {
        let cache = cache(0, 0);

        // Still in the linear mapping as well.
        cache.ioremap(IO, &REGION);
        cache.offer(BY);
        cache.access(OTHER, first(), How::Load, Through::Linear);
        let kinds = cache.violations.kinds();
        assert_eq!(kinds.len(), 1);
        assert_eq!(kinds[0].0.what, What::CameIn);
        assert_eq!(kinds[0].1.brought_in_by_cpu, 1);
    }

    #[test]
    fn what_others_did_to_memory_that_came_back_counts_again() {
        let cache = cache(8, 0);

        zero(&cache, all());
        flush(&cache, all(), Through::Linear);
        offer(&cache);
        cache.map(&REGION);
        cache.access(OTHER, first() + 5, How::Store, Through::Page);
        offer(&cache);
        assert!(cache.checked.offered_in.load(Relaxed) > 0);
        assert_eq!(cache.checked.unmapped.load(Relaxed), 2);
    }

    /// A store of a process to `trace`, whose address says nothing.
    #[test]
    fn mapping_of_a_process_is_inhibited_where_the_region_is() {
        let cache = cache(0, 0);

        zero(&cache, first()..first() + 1);
        offer(&cache);
        cache.access(OTHER, first(), How::Store, Through::Page);
        cache.access(OTHER, first() + 1, How::Store, Through::Page);
        assert_eq!(violations(&cache), 2);
        assert_eq!(in_region(&cache), 1);
    }

    /// CPUs that prefetch at random, while a region leaves and is flushed, bring none of it back.
    #[test]
    fn threads_do_not_bring_back_what_has_left() {
        use std::sync::atomic::{
            AtomicBool,
            Ordering::SeqCst, //
        };
        let cache = cache(8, 1);
        let stop = AtomicBool::new(false);

        std::thread::scope(|scope| {
            for cpu in 1..4 {
                let (cache, stop) = (&cache, &stop);
                scope.spawn(move || {
                    let by = By {
                        cpu,
                        instruction: 1,
                    };
                    while !stop.load(SeqCst) {
                        for line in (0..first()).step_by(977) {
                            cache.take_out(by, line, Through::Linear);
                            cache.access(by, line, How::Load, Through::Linear);
                        }
                    }
                });
            }
            for _ in 0..10 {
                cache.unmap(BY, &REGION);
                cache.ioremap(IO, &REGION);
                flush(&cache, all(), Through::Inhibited);
                cache.offer(BY);
                std::thread::sleep(std::time::Duration::from_millis(2));
                assert_eq!(in_region(&cache), 0);
                cache.iounmap(IO);
                cache.map(&REGION);
            }
            stop.store(true, SeqCst);
        });
        assert_eq!(violations(&cache), 0);
    }
}
