// SPDX-License-Identifier: GPL-2.0

//! The places on a node where a region could be, and what is in the way.

use kernel::{
    alloc::{
        Flags,
        NumaNode, //
    },
    fmt,
    mm::{
        contig::{
            lru_add_drain_all,
            ContigPages,
            PfnRange,
            Zone, //
        },
        obstacle::{
            Obstacle,
            Obstacles, //
        }, //
    },
    page::PAGE_SHIFT,
    powerpc::unmapped::memory_block_size,
    prelude::*,
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    }, //
};

/// The zones that are used first.
const KERNEL: Flags = GFP_KERNEL;

fn any_zone() -> Flags {
    GFP_KERNEL | __GFP_HIGHMEM | __GFP_MOVABLE
}

fn block_pages() -> usize {
    memory_block_size() >> PAGE_SHIFT
}

/// Memory that a node is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) node: NumaNode,
    /// In bytes.
    pub(crate) size: usize,
    /// Whether it may be in `ZONE_MOVABLE`.
    pub(crate) movable: bool,
}

impl Wanted {
    /// How long to wait for pages that are only in the way for a moment.
    const PATIENCE: Delta = Delta::from_millis(1000);

    /// A page that is in the way for so long stays.
    const STAYS: Delta = Delta::from_millis(100);

    fn nr_pages(&self) -> usize {
        self.size >> PAGE_SHIFT
    }

    /// Returns the alignment, in pages. The HTM requires power-of-two sizes, with natural
    /// alignment. Memory that is removed from the linear mapping must be aligned to memory blocks.
    fn align(&self) -> usize {
        if self.size.is_power_of_two() {
            self.nr_pages()
        } else {
            block_pages()
        }
    }

    fn places(&self) -> impl Iterator<Item = PfnRange> {
        PfnRange::all_on(self.node, self.nr_pages(), self.align())
    }

    /// Returns the flags for all zones that may be used.
    fn zones(&self) -> Flags {
        if self.movable {
            any_zone()
        } else {
            KERNEL
        }
    }

    /// Allocates the memory.
    ///
    /// If that fails, tries again where only pages are in the way that may go away. `ZONE_MOVABLE`
    /// is the last resort, since using it interferes with memory hotplug.
    pub(crate) fn alloc(&self) -> Result<ContigPages> {
        if self.size.is_power_of_two() {
            let flags = KERNEL | __GFP_THISNODE | __GFP_NOWARN;

            match ContigPages::alloc(self.nr_pages(), flags, self.node) {
                Err(e) if e == ENOMEM => (),
                result => return result,
            }
        }
        match self.alloc_patiently(KERNEL, None) {
            Err(e) if e == ENOMEM && self.movable => self.alloc_patiently(any_zone(), Some(KERNEL)),
            result => result,
        }
    }

    /// Allocates the memory from `zones` without those of `tried`.
    ///
    /// Waits for pages that are in the way only for a moment.
    fn alloc_patiently(&self, zones: Flags, tried: Option<Flags>) -> Result<ContigPages> {
        let mut waiting = KVVec::new();

        if let Some(pages) = self.try_all(zones, tried, &mut waiting)? {
            return Ok(pages);
        }

        let start_time = Instant::<Monotonic>::now();
        let is_over = || start_time.elapsed() >= Self::PATIENCE;
        while !waiting.is_empty() && !is_over() {
            fsleep(Delta::from_millis(10));
            lru_add_drain_all();
            if let Some(pages) = self.try_waiting(zones, &mut waiting, is_over)? {
                return Ok(pages);
            }
        }

        // Pages may have been in the way at each look, but another one each time, which migration
        // may cope with. Migrating pages of one place does so for those that overlap.
        let mut migrated = 0;
        for Waiting { place, .. } in waiting {
            let attempt = if place.start_pfn() < migrated {
                self.alloc_at(place, zones)?
            } else {
                migrated = place.pfns().end;
                self.migrate_and_alloc(place, zones)?
            };
            if let Attempt::Allocated(pages) = attempt {
                return Ok(pages);
            }
        }
        Err(ENOMEM)
    }

    /// Tries all places where no page that stays is in the way, as far as that can be seen without
    /// looking for pinned pages. Adds those to `waiting` where a page is in the way that may not
    /// stay.
    fn try_all(
        &self,
        zones: Flags,
        tried: Option<Flags>,
        waiting: &mut KVVec<Waiting>,
    ) -> Result<Option<ContigPages>> {
        let mut stays = None;
        let mut drained = false;

        for place in self.places() {
            if stays.is_some_and(|stays| is_in_the_way(stays, &place))
                || tried.is_some_and(|tried| self.begins_in(&place, tried))
            {
                continue;
            }
            // One page can be in the way of several places, if they overlap. The others are not
            // looked at until it has gone.
            if let Some(before) = waiting.last().filter(|before| before.is_for(&place)) {
                waiting.push(Waiting { place, ..*before }, GFP_KERNEL)?;
                continue;
            }
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
            stays = Obstacles::new(place, zones, self.node)
                .find(|(_, obstacle)| *obstacle != Obstacle::Isolated);
            if stays.is_some() {
                continue;
            }
            if !drained {
                // Pages that have just been added to the LRU can be migrated after this.
                lru_add_drain_all();
                drained = true;
            }
            match self.alloc_at(place, zones)? {
                Attempt::Allocated(pages) => return Ok(Some(pages)),
                Attempt::InTheWay(pfn) => waiting.push(Waiting::new(place, pfn), GFP_KERNEL)?,
                Attempt::Failed => (),
            }
        }
        Ok(None)
    }

    /// Tries the places that are `waiting` again, and removes those where a page stays.
    fn try_waiting(
        &self,
        zones: Flags,
        waiting: &mut KVVec<Waiting>,
        is_over: impl Fn() -> bool,
    ) -> Result<Option<ContigPages>> {
        let mut result = Ok(None);
        let mut in_the_way = None;

        waiting.retain(|waiting| {
            if !matches!(result, Ok(None)) || is_over() {
                return true;
            }
            if in_the_way != Some(waiting.pfn) {
                match self.alloc_at(waiting.place, zones) {
                    Ok(Attempt::Allocated(pages)) => {
                        result = Ok(Some(pages));
                        return true;
                    }
                    Ok(Attempt::InTheWay(pfn)) => {
                        in_the_way = Some(pfn);
                        if pfn != waiting.pfn {
                            *waiting = Waiting::new(waiting.place, pfn);
                        }
                    }
                    Ok(Attempt::Failed) => return false,
                    Err(e) => {
                        result = Err(e);
                        return true;
                    }
                }
            }
            waiting.since.elapsed() < Self::STAYS
        });
        result
    }

    /// Returns whether the first page of the place is in these zones.
    fn begins_in(&self, place: &PfnRange, zones: Flags) -> bool {
        place
            .first_zone()
            .is_some_and(|zone| zone.is_allowed(zones, self.node))
    }

    /// Allocates the memory at `place` if nothing is in the way there. Fails only if a signal kills
    /// the writer.
    fn alloc_at(&self, place: PfnRange, zones: Flags) -> Result<Attempt> {
        if current!().fatal_signal_pending() {
            return Err(EINTR);
        }
        let mut obstacles = Obstacles::new(place, zones, self.node).with_pinned();
        match obstacles.next() {
            Some((pfn, _)) => Ok(Attempt::InTheWay(pfn)),
            None => self.migrate_and_alloc(place, zones),
        }
    }

    /// The same, whatever is in the way.
    fn migrate_and_alloc(&self, place: PfnRange, zones: Flags) -> Result<Attempt> {
        match ContigPages::alloc_range(place, zones | __GFP_NOWARN, self.node) {
            Ok(pages) => Ok(Attempt::Allocated(pages)),
            Err(e) if e == EINTR => Err(e),
            // Some page: two attempts that fail like this count as one page that stays.
            Err(e) if e == EBUSY => Ok(Attempt::InTheWay(place.start_pfn())),
            Err(_) => Ok(Attempt::Failed),
        }
    }

    /// Looks at all pages of the node.
    fn survey(&self) -> Result<Survey> {
        let ranges = || PfnRange::all_on(self.node, block_pages(), block_pages());
        let mut blocks = KVVec::with_capacity(ranges().count(), GFP_KERNEL)?;

        // Pages on the lists of CPUs have another reference, but are not in the way.
        lru_add_drain_all();
        // Memory may be added meanwhile.
        for range in ranges().take(blocks.capacity()) {
            if current!().fatal_signal_pending() {
                return Err(EINTR);
            }
            let mut obstacles = Obstacles::new(range, any_zone(), self.node)
                .with_pinned()
                .filter(|(_, obstacle)| *obstacle != Obstacle::Isolated);
            let first = obstacles.next();
            let nr_others = obstacles.count();

            blocks.push_within_capacity(Block {
                range,
                zone: range.zone(),
                nr_obstacles: first.map_or(0, |_| 1 + nr_others),
                first,
            })?;
        }
        Ok(Survey(blocks))
    }
}

/// What came out of an attempt to allocate the memory at a place.
enum Attempt {
    Allocated(ContigPages),
    /// This page is in the way now.
    InTheWay(usize),
    /// Nothing is in the way, but there was not enough memory for what is there.
    Failed,
}

/// A place where a page is in the way that may go away.
struct Waiting {
    place: PfnRange,
    pfn: usize,
    since: Instant<Monotonic>,
}

impl Waiting {
    fn new(place: PfnRange, pfn: usize) -> Self {
        Self {
            place,
            pfn,
            since: Instant::now(),
        }
    }

    /// Returns whether the page is in the way of `place` as well.
    fn is_for(&self, place: &PfnRange) -> bool {
        place.pfns().contains(&self.pfn)
    }
}

/// Returns whether what is in the way of one place is also in the way of `place`, if they overlap.
/// Another zone is not in the way of a place that begins with it.
fn is_in_the_way((pfn, obstacle): (usize, Obstacle), place: &PfnRange) -> bool {
    place.pfns().contains(&pfn) && (obstacle != Obstacle::OtherZone || place.start_pfn() < pfn)
}

/// What is in the way on a node, by memory block.
struct Survey(KVVec<Block>);

struct Block {
    range: PfnRange,
    zone: Option<Zone>,
    nr_obstacles: usize,
    first: Option<(usize, Obstacle)>,
}

impl Survey {
    /// Returns the blocks of each place for the memory that is `wanted`.
    fn places(&self, wanted: &Wanted) -> impl Iterator<Item = &[Block]> {
        let align = wanted.align();

        self.0
            .windows((wanted.nr_pages() / block_pages()).max(1))
            .filter(move |blocks| blocks[0].range.start_pfn() % align == 0)
    }

    /// Returns the largest power of two, not larger than the size of `wanted`, that could be
    /// allocated, or 0.
    fn largest(&self, wanted: &Wanted) -> usize {
        let mut size = 1 << wanted.size.ilog2();

        while size >= memory_block_size() {
            let smaller = Wanted { size, ..*wanted };
            if self
                .places(&smaller)
                .any(|place| nr_obstacles(place) == 0 && smaller.can_be_in(place))
            {
                return size;
            }
            size /= 2;
        }
        0
    }
}

fn nr_obstacles(place: &[Block]) -> usize {
    place.iter().map(|block| block.nr_obstacles).sum()
}

impl Wanted {
    /// Returns whether the place is in a single zone that may be used.
    fn can_be_in(&self, place: &[Block]) -> bool {
        let zone = place[0].zone;

        zone.is_some_and(|zone| zone.is_allowed(self.zones(), self.node))
            && place.iter().all(|block| block.zone == zone)
    }
}

/// Why the node does not have the memory now.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(survey) = self.survey() else {
            return f.write_str("it was not possible to find out what is in the way");
        };

        match survey.largest(self) {
            0 => f.write_str("no memory block is free or movable")?,
            largest => write!(
                f,
                "the largest range that is free or movable is {largest:#x}"
            )?,
        }
        let best = survey
            .places(self)
            .filter(|place| self.can_be_in(place))
            .min_by_key(|place| nr_obstacles(place));
        let Some(best) = best else {
            return f.write_str(if survey.places(self).next().is_some() {
                ", and no place of this size is in one zone that may be used"
            } else {
                ", and the node has no place of this size"
            });
        };
        write!(
            f,
            "; at {:#018x}, pages in the way: {}",
            best[0].range.start(),
            nr_obstacles(best)
        )?;
        match best.iter().find_map(|block| block.first) {
            Some((pfn, obstacle)) => {
                let start = pfn << PAGE_SHIFT;

                f.write_fmt(fmt!(", the first at {start:#018x}: {obstacle}"))
            }
            None => Ok(()),
        }
    }
}
