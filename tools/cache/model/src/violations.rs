// SPDX-License-Identifier: GPL-2.0

//! What went wrong, and how often.

use crate::lines::{
    By,
    How,
    Line, //
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        atomic::{
            AtomicU64,
            Ordering::Relaxed, //
        },
        Mutex, //
    },
};

/// How a line that is in the cache violates the rule.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum What {
    /// It was accessed cache-inhibited.
    InhibitedLoad,
    InhibitedStore,
    /// It was in when its region was offered.
    Offered,
    /// It came in when its region had been offered.
    CameIn,
}

/// Violations that differ only in the line and the CPUs are told together.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Kind {
    pub(crate) what: What,
    pub(crate) instruction: u32,
    pub(crate) how: How,
    pub(crate) brought_in_by: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Seen {
    pub(crate) lines: u64,
    pub(crate) dirty: u64,
    /// The first of them, with the CPU that violated the rule and the one that had brought it in.
    pub(crate) line: usize,
    pub(crate) cpu: u32,
    pub(crate) brought_in_by_cpu: u32,
}

#[derive(Default)]
pub(crate) struct Violations {
    /// All of them, also a further access to a line.
    pub(crate) count: AtomicU64,
    kinds: Mutex<HashMap<Kind, Seen>>,
}

impl Violations {
    /// Notes that `line` violates the rule for the first time while it is in.
    pub(crate) fn note(&self, what: What, by: By, line: usize, state: &Line) {
        let kind = Kind {
            what,
            instruction: by.instruction,
            how: state.how,
            brought_in_by: state.by.instruction,
        };
        let mut kinds = self.kinds.lock().unwrap();
        let seen = kinds.entry(kind).or_insert(Seen {
            lines: 0,
            dirty: 0,
            line,
            cpu: by.cpu,
            brought_in_by_cpu: state.by.cpu,
        });

        seen.lines += 1;
        seen.dirty += u64::from(state.dirty);
    }

    /// Counts one more violation.
    pub(crate) fn count(&self) {
        self.count.fetch_add(1, Relaxed);
    }

    /// Returns all kinds, those with the most lines first.
    pub(crate) fn kinds(&self) -> Vec<(Kind, Seen)> {
        let mut all: Vec<_> = self
            .kinds
            .lock()
            .unwrap()
            .iter()
            .map(|(kind, seen)| (*kind, *seen))
            .collect();

        all.sort_by_key(|(_, seen)| (std::cmp::Reverse(seen.lines), seen.line));
        all
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::InhibitedLoad => "loaded cache-inhibited",
            What::InhibitedStore => "stored to cache-inhibited",
            What::Offered => "in when the region was offered",
            What::CameIn => "came in when the region had been offered",
        })
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            How::Load => "a load",
            How::Store => "a store",
            How::Zero => "dcbz",
            How::Neighbour => "the prefetcher, as a neighbour",
            How::Random => "the prefetcher, at random",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_by_what_they_have_in_common() {
        let violations = Violations::default();
        let by = |cpu, instruction| By { cpu, instruction };
        let state = |dirty| Line {
            dirty,
            reported: false,
            how: How::Zero,
            by: by(1, 7),
        };

        violations.note(What::InhibitedLoad, by(0, 5), 40, &state(true));
        violations.note(What::InhibitedLoad, by(1, 5), 41, &state(false));
        violations.note(What::InhibitedStore, by(0, 5), 42, &state(false));
        let kinds = violations.kinds();
        assert_eq!(kinds.len(), 2);
        assert_eq!(kinds[0].0.what, What::InhibitedLoad);
        assert_eq!(
            kinds[0].1,
            Seen {
                lines: 2,
                dirty: 1,
                line: 40,
                cpu: 0,
                brought_in_by_cpu: 1
            }
        );
    }
}
