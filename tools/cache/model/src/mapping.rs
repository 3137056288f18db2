// SPDX-License-Identifier: GPL-2.0

//! How the kernel has mapped memory, section by section.

use crate::lines::LINE_SHIFT;
use std::{
    ops::Range,
    sync::{
        atomic::{
            AtomicU64, AtomicU8,
            Ordering::{
                Acquire,
                Relaxed,
                Release,
                SeqCst, //
            },
        },
        Mutex, //
    },
};

/// The smallest piece of memory that enters or leaves the linear mapping: `SECTION_SIZE_BITS`.
const SECTION_SHIFT: u32 = 24;

/// In the linear mapping.
const LINEAR: u8 = 1;
/// In the range of `ioremap()`.
const INHIBITED: u8 = 1 << 1;
/// A region that others can see.
const OFFERED: u8 = 1 << 2;

/// What `ioremap()` has mapped of memory: a region each.
const MAX_WINDOWS: usize = 16;

/// Addresses from `start` to `end` are those of memory from `memory` on.
#[derive(Default)]
struct Window {
    start: AtomicU64,
    end: AtomicU64,
    memory: AtomicU64,
}

pub(crate) struct Mapping {
    sections: Box<[AtomicU8]>,
    /// Without a lock for who reads it, at each access.
    windows: [Window; MAX_WINDOWS],
    /// For who changes it.
    changing: Mutex<()>,
}

impl Mapping {
    /// All of a memory of `size` bytes is in the linear mapping.
    pub(crate) fn new(size: u64) -> Self {
        Self {
            sections: (0..size >> SECTION_SHIFT)
                .map(|_| AtomicU8::new(LINEAR))
                .collect(),
            windows: Default::default(),
            changing: Mutex::new(()),
        }
    }

    /// Returns the state of the section that has `line`, if that is in memory.
    fn of(&self, line: usize) -> Option<u8> {
        let section = self.sections.get(line >> (SECTION_SHIFT - LINE_SHIFT))?;

        Some(section.load(SeqCst))
    }

    /// Whether the linear mapping has the line, so that a prefetcher may bring it in.
    pub(crate) fn is_linear(&self, line: usize) -> bool {
        self.of(line).is_some_and(|state| state & LINEAR != 0)
    }

    /// Whether processes that have the line mapped have it so cache-inhibited.
    pub(crate) fn is_region(&self, line: usize) -> bool {
        self.of(line)
            .is_some_and(|state| state & (LINEAR | INHIBITED) != LINEAR)
    }

    pub(crate) fn is_offered(&self, line: usize) -> bool {
        self.of(line).is_some_and(|state| state & OFFERED != 0)
    }

    /// Returns the sections that are within these bytes.
    fn sections(&self, bytes: &Range<u64>) -> &[AtomicU8] {
        let first = bytes.start.div_ceil(1 << SECTION_SHIFT) as usize;
        let end = (bytes.end >> SECTION_SHIFT) as usize;

        self.sections
            .get(first..end.min(self.sections.len()))
            .unwrap_or(&[])
    }

    /// Bytes enter the linear mapping.
    pub(crate) fn map(&self, bytes: &Range<u64>) {
        for section in self.sections(bytes) {
            section.store(LINEAR, SeqCst);
        }
    }

    /// Bytes leave the linear mapping.
    pub(crate) fn unmap(&self, bytes: &Range<u64>) {
        for section in self.sections(bytes) {
            section.fetch_and(!LINEAR, SeqCst);
        }
    }

    /// Bytes are mapped by `ioremap()`, from `address` on.
    ///
    /// That they are unmapped again says nothing of them: they are a region until the linear
    /// mapping has them back.
    pub(crate) fn ioremap(&self, address: u64, bytes: &Range<u64>) {
        let sections = self.sections(bytes);
        if sections.is_empty() {
            return; // a device
        }
        for section in sections {
            section.fetch_or(INHIBITED, SeqCst);
        }

        let _changing = self.changing.lock().unwrap();
        let free = self.windows.iter().find(|w| w.end.load(Relaxed) == 0);
        let window = free.expect("there are so many regions");
        window.start.store(address, Relaxed);
        window.memory.store(bytes.start, Relaxed);
        window
            .end
            .store(address + (bytes.end - bytes.start), Release);
    }

    /// What is mapped at `address` by `ioremap()` is unmapped.
    pub(crate) fn iounmap(&self, address: u64) {
        let _changing = self.changing.lock().unwrap();

        for window in &self.windows {
            if window.start.load(Relaxed) == address {
                window.end.store(0, Relaxed);
            }
        }
    }

    /// Returns the line that `ioremap()` has mapped at `address`, if that is no device's.
    #[inline]
    pub(crate) fn find_inhibited(&self, address: u64) -> Option<usize> {
        self.windows
            .iter()
            .find(|window| {
                address < window.end.load(Acquire) && address >= window.start.load(Relaxed)
            })
            .map(|window| {
                let offset = address - window.start.load(Relaxed);
                ((window.memory.load(Relaxed) + offset) >> LINE_SHIFT) as usize
            })
    }

    /// From now on others can see what is mapped cache-inhibited. Calls `new` with the lines of each
    /// section that they could not see before.
    pub(crate) fn offer(&self, mut new: impl FnMut(Range<usize>)) {
        let lines = 1 << (SECTION_SHIFT - LINE_SHIFT);

        for (i, section) in self.sections.iter().enumerate() {
            if section.load(SeqCst) & (INHIBITED | OFFERED) == INHIBITED
                && section.fetch_or(OFFERED, SeqCst) & OFFERED == 0
            {
                new(i * lines..(i + 1) * lines);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECTION: u64 = 1 << SECTION_SHIFT;
    const IO: u64 = 0xc00a_0000_0000_0000;

    fn line(byte: u64) -> usize {
        (byte >> LINE_SHIFT) as usize
    }

    fn offered(mapping: &Mapping) -> Vec<Range<usize>> {
        let mut all = Vec::new();

        mapping.offer(|lines| all.push(lines));
        all
    }

    #[test]
    fn range_leaves_and_comes_back() {
        let mapping = Mapping::new(4 * SECTION);

        mapping.unmap(&(SECTION..3 * SECTION));
        assert!(mapping.is_linear(line(SECTION) - 1));
        assert!(!mapping.is_linear(line(SECTION)));
        assert!(mapping.is_region(line(3 * SECTION) - 1));
        assert!(!mapping.is_region(line(3 * SECTION)));
        mapping.map(&(SECTION..3 * SECTION));
        assert!(mapping.is_linear(line(SECTION)));
        assert!(!mapping.is_region(line(SECTION)));
    }

    #[test]
    fn nothing_is_beyond_the_end() {
        let mapping = Mapping::new(2 * SECTION);

        assert!(!mapping.is_linear(line(2 * SECTION)));
        assert!(!mapping.is_region(line(2 * SECTION)));
        mapping.unmap(&(SECTION..9 * SECTION));
        mapping.ioremap(IO, &(8 * SECTION..9 * SECTION));
        assert_eq!(offered(&mapping), []);
    }

    #[test]
    fn region_is_offered_once() {
        let mapping = Mapping::new(4 * SECTION);

        mapping.unmap(&(SECTION..3 * SECTION));
        assert_eq!(offered(&mapping), []);
        mapping.ioremap(IO, &(SECTION..2 * SECTION));
        assert_eq!(offered(&mapping), [line(SECTION)..line(2 * SECTION)]);
        mapping.ioremap(IO, &(2 * SECTION..3 * SECTION));
        assert_eq!(offered(&mapping), [line(2 * SECTION)..line(3 * SECTION)]);
        assert!(mapping.is_offered(line(SECTION)));
        mapping.map(&(SECTION..3 * SECTION));
        assert!(!mapping.is_offered(line(SECTION)));
        assert_eq!(offered(&mapping), []);
    }

    #[test]
    fn what_is_mapped_twice_is_a_region_and_in_the_linear_mapping() {
        let mapping = Mapping::new(SECTION);

        mapping.ioremap(IO, &(0..SECTION));
        assert!(mapping.is_linear(0));
        assert!(mapping.is_region(0));
        assert_eq!(offered(&mapping), [0..line(SECTION)]);
    }

    /// Some device in a corner of a section is no region.
    #[test]
    fn part_of_a_section_is_left_alone() {
        let mapping = Mapping::new(2 * SECTION);

        mapping.ioremap(IO, &(4096..SECTION + 4096));
        assert_eq!(offered(&mapping), []);
    }
    #[test]
    fn line_is_found_where_it_is_mapped() {
        let mapping = Mapping::new(4 * SECTION);
        let (other, device) = (IO + (1 << 30), IO + (2 << 30));

        mapping.ioremap(IO, &(SECTION..2 * SECTION));
        mapping.ioremap(other, &(3 * SECTION..4 * SECTION));
        mapping.ioremap(device, &(1 << 48..(1 << 48) + SECTION));
        assert_eq!(mapping.find_inhibited(IO), Some(line(SECTION)));
        assert_eq!(
            mapping.find_inhibited(other + SECTION - 1),
            Some(line(4 * SECTION) - 1)
        );
        assert_eq!(mapping.find_inhibited(other + SECTION), None);
        assert_eq!(mapping.find_inhibited(IO - 1), None);
        assert_eq!(mapping.find_inhibited(device), None);

        mapping.iounmap(IO);
        assert_eq!(mapping.find_inhibited(IO), None);
        assert_eq!(mapping.find_inhibited(other), Some(line(3 * SECTION)));
        for _ in 0..2 * MAX_WINDOWS {
            mapping.ioremap(IO, &(SECTION..2 * SECTION));
            mapping.iounmap(IO);
        }
    }
}
