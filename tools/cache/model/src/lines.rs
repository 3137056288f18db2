// SPDX-License-Identifier: GPL-2.0

//! What is in the cache: a word for each line of the guest's memory.

use std::sync::atomic::{
    AtomicU32,
    Ordering::Relaxed, //
};

/// The size of a line, on all of POWER8 to POWER10.
pub(crate) const LINE_SHIFT: u32 = 7;

/// As many as the guest's kernel may have, and as fit a word beside the rest.
pub(crate) const MAX_CPUS: usize = 16;

/// As many instructions as fit a word beside the rest.
pub(crate) const MAX_INSTRUCTIONS: usize = 1 << (32 - INSTRUCTION_SHIFT);

/// What a line came in by.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum How {
    /// The prefetcher, beside a line that was accessed for the first time.
    Neighbour = 0,
    /// The prefetcher, for no reason.
    Random = 1,
    // From here on an access.
    Load = 4,
    Store = 5,
    /// `dcbz`, which needs nothing of what was in memory.
    Zero = 6,
}

impl How {
    fn from_bits(bits: u32) -> Self {
        match bits & 7 {
            0 => How::Neighbour,
            1 => How::Random,
            4 => How::Load,
            5 => How::Store,
            _ => How::Zero,
        }
    }

    fn is_access(self) -> bool {
        self as u32 >= How::Load as u32
    }

    fn is_write(self) -> bool {
        matches!(self, How::Store | How::Zero)
    }
}

/// What a line was before it was brought in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Before {
    Missing,
    /// In, but not accessed yet.
    Prefetched,
    In,
}

/// Who did something: a CPU at an instruction, of which the plugin has a list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct By {
    pub(crate) cpu: u32,
    pub(crate) instruction: u32,
}

/// A line that is in the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Line {
    /// Memory has something else.
    pub(crate) dirty: bool,
    /// It has violated the rule already.
    pub(crate) reported: bool,
    pub(crate) how: How,
    pub(crate) by: By,
}

// 0 stands for a line that is not in, so that memory that nobody touches costs the host none.
const IN: u32 = 1;
const DIRTY: u32 = 1 << 1;
const REPORTED: u32 = 1 << 2;
const HOW_SHIFT: u32 = 3;
const ACCESSED: u32 = (How::Load as u32) << HOW_SHIFT;
const CPU_SHIFT: u32 = 6;
const INSTRUCTION_SHIFT: u32 = 10;

fn encode(how: How, by: By) -> u32 {
    let dirty = if how.is_write() { DIRTY } else { 0 };

    IN | dirty
        | (how as u32) << HOW_SHIFT
        | (by.cpu % MAX_CPUS as u32) << CPU_SHIFT
        | by.instruction << INSTRUCTION_SHIFT
}

fn decode(word: u32) -> Option<Line> {
    (word & IN != 0).then(|| Line {
        dirty: word & DIRTY != 0,
        reported: word & REPORTED != 0,
        how: How::from_bits(word >> HOW_SHIFT),
        by: By {
            cpu: word >> CPU_SHIFT & (MAX_CPUS as u32 - 1),
            instruction: word >> INSTRUCTION_SHIFT,
        },
    })
}

/// All lines of the guest's memory. CPUs of the guest, which are threads, use it at once: what they
/// do to different lines is as unordered here as in a cache, and what they do to one line is
/// ordered by the guest or not at all.
pub(crate) struct Lines(Box<[AtomicU32]>);

impl Lines {
    /// None of a memory of `size` bytes is in.
    pub(crate) fn new(size: u64) -> Self {
        // Of zeroes the allocator has as many as are asked for, without touching them.
        let words = vec![0u32; (size >> LINE_SHIFT) as usize].into_boxed_slice();

        // SAFETY: `AtomicU32` has the size, the alignment and the values of `u32`.
        Self(unsafe { Box::from_raw(Box::into_raw(words) as *mut [AtomicU32]) })
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the line if it is in.
    pub(crate) fn get(&self, line: usize) -> Option<Line> {
        decode(self.0.get(line)?.load(Relaxed))
    }

    pub(crate) fn is_in(&self, line: usize) -> bool {
        self.0
            .get(line)
            .is_some_and(|word| word.load(Relaxed) & IN != 0)
    }

    /// Returns whether an access would change nothing. That is the usual case, and has to be fast.
    #[inline(always)]
    pub(crate) fn has(&self, line: usize, how: How) -> bool {
        let enough = if how.is_write() { DIRTY } else { ACCESSED };

        // Beyond the end there is no memory, but a device, or nothing.
        self.0
            .get(line)
            .is_none_or(|word| word.load(Relaxed) & enough != 0)
    }

    /// Brings a line in, or makes one dirty that is. The first access counts as what brought it in,
    /// also after the prefetcher.
    pub(crate) fn bring_in(&self, line: usize, how: How, by: By) -> Before {
        let Some(word) = self.0.get(line) else {
            return Before::In;
        };
        let new = encode(how, by);
        let before = word.fetch_update(Relaxed, Relaxed, |word| {
            if word & IN == 0 {
                Some(new)
            } else if word & ACCESSED == 0 && how.is_access() {
                Some(new | word & REPORTED)
            } else {
                how.is_write().then_some(word | DIRTY)
            }
        });

        let (Ok(before) | Err(before)) = before;
        if before & IN == 0 {
            Before::Missing
        } else if before & ACCESSED == 0 {
            Before::Prefetched
        } else {
            Before::In
        }
    }

    /// Takes a line out.
    pub(crate) fn take_out(&self, line: usize) {
        if let Some(word) = self.0.get(line) {
            word.store(0, Relaxed);
        }
    }

    /// Writes a line to memory, and keeps it.
    pub(crate) fn clean(&self, line: usize) {
        if let Some(word) = self.0.get(line) {
            word.fetch_and(!DIRTY, Relaxed);
        }
    }

    /// Notes that a line has violated the rule. Returns whether it is the first time.
    pub(crate) fn report(&self, line: usize) -> bool {
        self.0
            .get(line)
            .is_some_and(|word| word.fetch_or(REPORTED, Relaxed) & REPORTED == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: By = By {
        cpu: 15,
        instruction: MAX_INSTRUCTIONS as u32 - 1,
    };
    const OTHER: By = By {
        cpu: 0,
        instruction: 1,
    };

    fn lines() -> Lines {
        Lines::new(4 << LINE_SHIFT)
    }

    const ALL: [How; 5] = [
        How::Neighbour,
        How::Random,
        How::Load,
        How::Store,
        How::Zero,
    ];

    #[test]
    fn line_is_what_brought_it_in() {
        for how in ALL {
            let lines = lines();

            assert_eq!(lines.bring_in(2, how, BY), Before::Missing);
            assert_eq!(
                lines.get(2),
                Some(Line {
                    dirty: how == How::Store || how == How::Zero,
                    reported: false,
                    how,
                    by: BY
                })
            );
            assert!(lines.is_in(2));
            assert!(!lines.is_in(1));
            assert_eq!(lines.get(3), None);
        }
    }

    #[test]
    fn first_access_brings_it_in() {
        for first in ALL {
            for second in ALL {
                let lines = lines();
                let prefetched = matches!(first, How::Neighbour | How::Random);

                lines.bring_in(0, first, BY);
                lines.report(0);
                assert_eq!(
                    lines.bring_in(0, second, OTHER),
                    if prefetched {
                        Before::Prefetched
                    } else {
                        Before::In
                    }
                );
                let line = lines.get(0).unwrap();
                assert!(line.reported);
                if prefetched && !matches!(second, How::Neighbour | How::Random) {
                    assert_eq!((line.how, line.by), (second, OTHER));
                } else {
                    assert_eq!((line.how, line.by), (first, BY));
                }
                assert_eq!(line.dirty, first.is_write() || second.is_write());
            }
        }
    }

    #[test]
    fn load_leaves_it_dirty() {
        let lines = lines();

        lines.bring_in(0, How::Zero, BY);
        lines.bring_in(0, How::Load, BY);
        assert!(lines.get(0).unwrap().dirty);
    }

    #[test]
    fn cleaned_line_stays() {
        let lines = lines();

        lines.bring_in(0, How::Store, BY);
        lines.clean(0);
        assert!(!lines.get(0).unwrap().dirty);
        lines.take_out(0);
        assert_eq!(lines.get(0), None);
        lines.clean(0);
        assert_eq!(lines.get(0), None);
    }

    #[test]
    fn what_would_change_nothing_is_told() {
        let lines = lines();

        assert!(!lines.has(0, How::Load));
        lines.bring_in(0, How::Neighbour, BY);
        assert!(!lines.has(0, How::Load));
        lines.bring_in(0, How::Load, BY);
        assert!(lines.has(0, How::Load));
        assert!(!lines.has(0, How::Store));
        lines.bring_in(0, How::Store, BY);
        assert!(lines.has(0, How::Store));
        assert!(lines.has(0, How::Zero));
    }

    #[test]
    fn there_is_nothing_beyond_the_end() {
        let lines = lines();

        assert!(lines.has(4, How::Store));
        assert!(!lines.is_in(4));
        assert_eq!(lines.bring_in(4, How::Store, BY), Before::In);
        lines.take_out(4);
        lines.clean(4);
        assert!(!lines.report(4));
        assert_eq!(lines.get(4), None);
    }

    #[test]
    fn line_is_reported_once_while_it_is_in() {
        let lines = lines();

        lines.bring_in(0, How::Load, BY);
        assert!(lines.report(0));
        assert!(!lines.report(0));
        lines.take_out(0);
        lines.bring_in(0, How::Load, BY);
        assert!(lines.report(0));
    }
}
