// SPDX-License-Identifier: GPL-2.0

//! What a run is summed up to.

use crate::{
    cache::Cache,
    lines::{
        How,
        LINE_SHIFT, //
    },
    symbols::Place,
    violations::{
        Kind,
        Seen,
        What, //
    },
};
use std::{
    fmt::Write,
    sync::atomic::Ordering::Relaxed, //
};

/// More kinds of violations than this are counted only.
const MAX_KINDS: usize = 20;

/// What happened in one function, to lines that came in by one function, or at random.
struct Story {
    /// With the instructions of the first.
    kind: Kind,
    seen: Seen,
    at: String,
    brought_in_at: String,
}

/// Returns all stories, those with the most lines first. `place` tells where an instruction is.
fn stories<'a>(cache: &Cache, place: impl Fn(u32) -> Place<'a>) -> Vec<Story> {
    let mut all: Vec<Story> = Vec::new();

    for (kind, seen) in cache.violations.kinds() {
        let at = place(kind.instruction).function();
        let brought_in_at = place(kind.brought_in_by).function();
        let same = all.iter_mut().find(|story| {
            story.kind.what == kind.what
                && story.kind.how == kind.how
                && story.at == at
                && (kind.how == How::Random || story.brought_in_at == brought_in_at)
        });
        match same {
            Some(story) => {
                story.seen.lines += seen.lines;
                story.seen.dirty += seen.dirty;
            }
            None => all.push(Story {
                kind,
                seen,
                at,
                brought_in_at,
            }),
        }
    }
    all.sort_by_key(|story| std::cmp::Reverse(story.seen.lines));
    all
}

/// Returns the report. Its first line is the result: the number of violations comes first, which is
/// that of accesses and of lines at an event, and then what it means if there are none.
pub(crate) fn report<'a>(cache: &Cache, place: impl Fn(u32) -> Place<'a>) -> String {
    let mut text = String::new();
    let stories = stories(cache, &place);
    let lines: u64 = stories.iter().map(|story| story.seen.lines).sum();
    let checked = &cache.checked;

    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{} violations by {lines} lines, {} lines in offered regions of which {} were in, \
         {} accesses cache-inhibited",
        cache.violations.count.load(Relaxed),
        checked.offered.load(Relaxed),
        checked.offered_in.load(Relaxed),
        cache.done(|done| &done.inhibited),
    );
    let _ = writeln!(
        text,
        "{} times unmapped, {} lines flushed of which {} through a cache-inhibited address, \
         prefetched {} neighbours and {} at random",
        checked.unmapped.load(Relaxed),
        cache.done(|done| &done.flushed),
        cache.done(|done| &done.flushed_inhibited),
        cache.done(|done| &done.neighbours),
        cache.done(|done| &done.random),
    );
    for Story {
        kind,
        seen,
        at,
        brought_in_at,
    } in stories.iter().take(MAX_KINDS)
    {
        let _ = writeln!(
            text,
            "{} lines ({} dirty) {}{}{at}, brought in by {}{}; one of the first: {:#x}, CPU {} at {}, \
             brought in by CPU {} at {}",
            seen.lines,
            seen.dirty,
            kind.what,
            match kind.what {
                What::InhibitedLoad | What::InhibitedStore => " by ",
                What::Offered | What::CameIn => ", by ",
            },
            kind.how,
            match kind.how {
                How::Random => String::new(),
                _ => format!(" in {brought_in_at}"),
            },
            (seen.line as u64) << LINE_SHIFT,
            seen.cpu,
            place(kind.instruction),
            seen.brought_in_by_cpu,
            place(kind.brought_in_by),
        );
    }
    if stories.len() > MAX_KINDS {
        let _ = writeln!(text, "and {} kinds more", stories.len() - MAX_KINDS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cache::Through,
        lines::By,
        prefetcher::Strength,
        symbols::Symbols, //
    };

    const MAP: &str = "\
c000000000001000 T zero
c000000000001100 T read
c000000000001200 T next
";

    #[test]
    fn report_names_who_did_what() {
        let strength = Strength {
            neighbours: 1,
            random: 0,
            seed: 0,
        };
        let cache = Cache::new(32 << 20, strength);
        let by = |cpu, instruction| By { cpu, instruction };
        let symbols = Symbols::parse(MAP);
        let place = |instruction| symbols.place(0xc000_0000_0000_1000 + 4 * u64::from(instruction));

        for (line, instruction) in [(1, 1), (3, 2), (5, 3)] {
            cache.access(by(1, instruction), line, How::Zero, Through::Linear);
            cache.take_out(by(1, 4), line, Through::Linear);
        }
        for line in [2, 4, 4, 3] {
            cache.access(by(0, 64), line, How::Load, Through::Inhibited);
        }
        assert_eq!(
            report(&cache, place),
            "3 violations by 2 lines, 0 lines in offered regions of which 0 were in, \
             4 accesses cache-inhibited\n\
             0 times unmapped, 3 lines flushed of which 0 through a cache-inhibited address, \
             prefetched 3 neighbours and 0 at random\n\
             2 lines (0 dirty) loaded cache-inhibited by read, brought in by the prefetcher, as a \
             neighbour in zero; one of the first: 0x100, CPU 0 at read+0x0, brought in by CPU 1 \
             at zero+0x4\n"
        );
    }
}
