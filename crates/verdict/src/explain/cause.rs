//! Why an operation put on the bus what it did.
//!
//! Every cause is read off the accesses themselves: nothing is said that they do not show.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use busprobe_trace::{Access, Direction};
use serde::Serialize;

use crate::{Bus, Intent, Mode};

/// Which part of a block an access puts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// All of it.
    Whole,
    /// Its end.
    Tail,
    /// Its start.
    Head,
    /// Neither end.
    Inside,
}

/// One reason for what the bus saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// Accesses of one routine cover the same bytes.
    Overlap {
        /// The direction of both.
        #[serde(rename = "dir")]
        direction: Direction,
        /// Which of the operation's accesses came first, counted from 0; an example of all.
        first: usize,
        /// Which of them covered the bytes again.
        again: usize,
        /// Bytes that were covered more than once, in all.
        bytes: u64,
        /// The bytes that the two of the example share.
        #[serde(skip)]
        shared: Range<u64>,
        /// What of the block the later one of the example put.
        part: Part,
    },
    /// Each element is read before it is written.
    ReadFirst {
        /// How many were.
        count: u64,
        /// Whether one instruction did both.
        one_instruction: bool,
    },
    /// The place was filled with zeros before its value came.
    ZeroedFirst {
        /// Bytes of zeros that were written over.
        bytes: u64,
    },
    /// A lower address came after a higher one.
    OutOfOrder {
        /// The direction.
        #[serde(rename = "dir")]
        direction: Direction,
        /// The address at which the order first turns back.
        turn: u64,
        /// The lower address that came next.
        next: u64,
        /// Whether every access lay below the one before.
        descending: bool,
    },
    /// An access was wider than the bus.
    Wide {
        /// The direction.
        #[serde(rename = "dir")]
        direction: Direction,
        /// Bytes of the widest access.
        size: u32,
        /// Bytes that the bus carries at once.
        bus: u32,
        /// Bytes of an element that was meant.
        element: u32,
    },
    /// An access was narrower than what was meant.
    Narrow {
        /// The direction.
        #[serde(rename = "dir")]
        direction: Direction,
        /// Bytes of the narrowest access.
        size: u32,
        /// Bytes of an element that was meant.
        element: u32,
    },
    /// An access began inside its bus word.
    Unaligned {
        /// How many did.
        count: u64,
        /// Which of the accesses was the first, counted from 0.
        first: usize,
        /// Its offset.
        offset: u64,
        /// Its bytes.
        size: u32,
    },
}

/// The causes that `accesses`, one operation's in order, show by themselves.
#[must_use]
pub fn causes(accesses: &[&Access], intent: &Intent, bus: &dyn Bus) -> Vec<Cause> {
    let direction = intent.direction();
    let mut causes = Vec::new();
    causes.extend(read_first(accesses));
    causes.extend(overlaps(accesses, direction));
    if intent.mode() == Mode::Ascending {
        causes.extend(order(accesses, direction));
    }
    causes.extend(widths(accesses, intent, bus));
    causes.extend(unaligned(accesses, bus));
    causes
}

/// Writes that each follow a read of the same place.
fn read_first(accesses: &[&Access]) -> Option<Cause> {
    let pairs = accesses.windows(2).filter(|pair| {
        pair[0].direction == Direction::Read
            && pair[1].direction == Direction::Write
            && (pair[0].offset, pair[0].size) == (pair[1].offset, pair[1].size)
    });
    let (mut count, mut one_instruction) = (0, true);
    for pair in pairs {
        count += 1;
        one_instruction &= pair[0].site.is_some() && pair[0].site == pair[1].site;
    }
    (count > 0).then_some(Cause::ReadFirst { count, one_instruction })
}

/// What accesses of one direction cover more than once: zeros that are written over, or the same
/// bytes again.
fn overlaps(accesses: &[&Access], direction: Direction) -> Vec<Cause> {
    // The bytes covered so far, in pieces that do not overlap, each with the access that came last.
    let mut covered: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
    let (mut zeroed, mut again) = (0, 0);
    let mut example: Option<(usize, usize, Range<u64>)> = None;
    let (mut lowest, mut end) = (u64::MAX, 0);
    for (index, access) in accesses.iter().enumerate() {
        if access.direction != direction {
            continue;
        }
        (lowest, end) = (lowest.min(access.offset), end.max(access.end()));
        let below = covered.range(..access.offset).next_back().map(|(&start, _)| start);
        let touched: Vec<_> = covered
            .range(below.unwrap_or(access.offset)..access.end())
            .map(|(&start, &(end, by))| (start, end, by))
            .filter(|&(_, end, _)| end > access.offset)
            .collect();
        for (start, end, by) in touched {
            let shared = start.max(access.offset)..end.min(access.end());
            let bytes = shared.end - shared.start;
            if is_zeroed(accesses[by], access, &shared) {
                zeroed += bytes;
            } else {
                again += bytes;
                example.get_or_insert((by, index, shared.clone()));
            }
            covered.remove(&start);
            if start < access.offset {
                covered.insert(start, (access.offset, by));
            }
            if end > access.end() {
                covered.insert(access.end(), (end, by));
            }
        }
        covered.insert(access.offset, (access.end(), index));
    }
    let zeroed = (zeroed > 0).then_some(Cause::ZeroedFirst { bytes: zeroed });
    let overlap = example.map(|(first, later, shared)| {
        let part = match (accesses[later].offset == lowest, accesses[later].end() == end) {
            (true, true) => Part::Whole,
            (false, true) => Part::Tail,
            (true, false) => Part::Head,
            (false, false) => Part::Inside,
        };
        Cause::Overlap { direction, first, again: later, bytes: again, shared, part }
    });
    zeroed.into_iter().chain(overlap).collect()
}

/// Whether the earlier access put zeros where the later one put something else.
fn is_zeroed(earlier: &Access, later: &Access, shared: &Range<u64>) -> bool {
    let part = |access: &Access| {
        let from = (shared.start - access.offset) as usize;
        let length = (shared.end - shared.start) as usize;
        access.data.and_then(|data| data.bytes().get(from..from + length).map(<[u8]>::to_vec))
    };
    match (part(earlier), part(later)) {
        (Some(before), Some(after)) => {
            before.iter().all(|&byte| byte == 0)
                && (after.iter().any(|&byte| byte != 0) || earlier.site != later.site)
                && earlier.size != later.size
        }
        _ => false,
    }
}

fn order(accesses: &[&Access], direction: Direction) -> Option<Cause> {
    // An address that comes again is another matter: `overlaps`.
    let mut seen = BTreeSet::new();
    let offsets = accesses.iter().filter(|access| access.direction == direction);
    let firsts: Vec<u64> =
        offsets.map(|access| access.offset).filter(|&offset| seen.insert(offset)).collect();
    let turn = firsts.windows(2).find(|pair| pair[1] < pair[0])?;
    let descending = firsts.windows(2).all(|pair| pair[1] < pair[0]);
    Some(Cause::OutOfOrder { direction, turn: turn[0], next: turn[1], descending })
}

fn widths(accesses: &[&Access], intent: &Intent, bus: &dyn Bus) -> Vec<Cause> {
    let direction = intent.direction();
    let sizes = || accesses.iter().filter(|a| a.direction == direction).map(|a| a.size);
    let mut causes = Vec::new();
    if let Some(size) = sizes().max().filter(|&size| size > bus.width().min(intent.width())) {
        let (bus, element) = (bus.width(), intent.width());
        causes.push(Cause::Wide { direction, size, bus, element });
    }
    if let Some(size) = sizes().min().filter(|&size| size < intent.width()) {
        causes.push(Cause::Narrow { direction, size, element: intent.width() });
    }
    causes
}

fn unaligned(accesses: &[&Access], bus: &dyn Bus) -> Option<Cause> {
    let is_unaligned = |access: &Access| {
        let natural = u64::from(access.size.min(bus.width()).max(1));
        !access.offset.is_multiple_of(1 << natural.ilog2())
    };
    let count = accesses.iter().filter(|access| is_unaligned(access)).count() as u64;
    let first = accesses.iter().position(|access| is_unaligned(access))?;
    let Access { offset, size, .. } = *accesses[first];
    Some(Cause::Unaligned { count, first, offset, size })
}

fn accesses_noun(direction: Direction) -> [&'static str; 2] {
    match direction {
        Direction::Read => ["load", "loads"],
        Direction::Write => ["store", "stores"],
    }
}

/// A sentence.
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Overlap { direction, first, again, bytes, shared, part } => {
                let [one, many] = accesses_noun(*direction);
                let (first, again, end) = (first + 1, again + 1, shared.end - 1);
                write!(
                    f,
                    "{many} overlap: {one} {first} and {one} {again} both cover {:#x} to {end:#x}",
                    shared.start,
                )?;
                f.write_str(match part {
                    Part::Whole => {
                        ", as in a copy that counts one from the start of the block and one from \
                         its end, which for this length is the same place"
                    }
                    Part::Tail => ", as in a copy whose last part is counted from the block's end",
                    Part::Head => ", as in a copy that puts the head of the block by itself",
                    Part::Inside => "",
                })?;
                let word = if *bytes == 1 { "byte comes" } else { "bytes come" };
                write!(f, "; {bytes} {word} again in all")
            }
            Cause::ReadFirst { count, one_instruction: true } => {
                f.write_str("the instruction itself reads the place and writes it back")?;
                if *count > 1 {
                    write!(f, " ({count} times)")?;
                }
                f.write_str(": one instruction, two accesses")
            }
            Cause::ReadFirst { count: 1, .. } => {
                f.write_str("the place is read before it is written")
            }
            Cause::ReadFirst { count, .. } => {
                write!(f, "a place is read just before it is written, {count} times")
            }
            Cause::ZeroedFirst { bytes } => write!(
                f,
                "the place is filled with zeros before the value is written ({bytes} bytes): the \
                 device sees the zeros"
            ),
            Cause::OutOfOrder { direction, descending: true, .. } => {
                let [_, many] = accesses_noun(*direction);
                write!(f, "the {many} run from the highest address down")
            }
            Cause::OutOfOrder { direction, turn, next, .. } => {
                let [one, _] = accesses_noun(*direction);
                write!(
                    f,
                    "the {one} at {next:#x} comes after the one at {turn:#x}: a copy for memory \
                     may go through its block in any order"
                )
            }
            Cause::Wide { direction, size, bus, element } => {
                let [one, _] = accesses_noun(*direction);
                if size > bus {
                    let beats = size.div_ceil(*bus);
                    write!(
                        f,
                        "a {one} of {size} bytes is {beats} beats on a bus of {} bits",
                        bus * 8
                    )
                } else {
                    write!(f, "a {one} of {size} bytes carries {} elements at once", size / element)
                }
            }
            Cause::Narrow { direction, size, element } => {
                let [one, _] = accesses_noun(*direction);
                write!(f, "a {one} of {size} bytes carries only a part of an element of {element}")
            }
            Cause::Unaligned { count, first, offset, size } => {
                let place = first + 1;
                write!(
                    f,
                    "access {place}, {size} bytes at {offset:#x}, begins inside a bus word \
                     ({count} in all): Device memory on Arm answers that with SIGBUS"
                )
            }
        }
    }
}
