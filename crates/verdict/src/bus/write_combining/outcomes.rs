//! All legal outcomes: can a log come of some accesses, however the buffers happened to go out?
//!
//! No order is assumed between chunks, so each chunk is judged by itself. Its stores, in program
//! order, fall into consecutive groups, one for each time that its buffer went out; a group's
//! bytes, the last store to each winning, are what came. A log is legal when there is a way to
//! group the stores that gives its beats in its order.

use std::collections::BTreeMap;

use busprobe_trace::{Access, Data, Direction};

use super::Shape;
use crate::Beat;
use crate::bus::Impossible;

/// Where trying all ways to group a place's stores would take more steps than this, only what
/// came and how often is judged.
const MOST_STEPS: usize = 1 << 24;

/// What one store or one beat does to a chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part {
    /// Bit n for the byte at n; a chunk has up to 64.
    mask: u64,
    /// The bytes of the access that the part is of, and where the chunk's first byte would be.
    data: Option<Data>,
    skipped: i64,
}

impl Part {
    /// The value at that place of the chunk, if the part has it and knows it.
    fn byte(&self, place: u32) -> Option<u8> {
        let index = self.skipped + i64::from(place);
        self.data.as_ref()?.bytes().get(usize::try_from(index).ok()?).copied()
    }
}

/// Stores and beats of one chunk, in their order.
#[derive(Default)]
struct Chunk {
    stores: Vec<Part>,
    beats: Vec<Part>,
    /// Bit n for a byte that was loaded, and for one that came as it was read.
    loaded: u64,
    read: u64,
}

pub(super) fn could(shape: Shape, accesses: &[Access], log: &[Beat]) -> Result<(), Impossible> {
    let size = u64::from(shape.chunk.min(shape.width));
    let mut chunks: BTreeMap<u64, Chunk> = BTreeMap::new();
    for &Access { direction, offset, size: bytes, data, .. } in accesses {
        for (start, part) in parts(size, &Beat { direction, offset, size: bytes, data }) {
            let chunk = chunks.entry(start).or_default();
            match direction {
                Direction::Read => chunk.loaded |= part.mask,
                Direction::Write => chunk.stores.push(part),
            }
        }
    }
    for beat in log {
        let bytes = u64::from(beat.size);
        let within = beat.offset / size == beat.end().saturating_sub(1) / size;
        let burst = u64::from(shape.width);
        let of_full_line = bytes == burst && beat.offset.is_multiple_of(burst);
        let is_whole = beat.direction == Direction::Read || within || of_full_line;
        if bytes == 0 || !is_whole {
            return Err(Impossible::NoTransaction { offset: beat.offset, size: beat.size });
        }
        for (start, part) in parts(size, beat) {
            let chunk = chunks.entry(start).or_default();
            match beat.direction {
                Direction::Read => chunk.read |= part.mask,
                Direction::Write => chunk.beats.push(part),
            }
        }
    }
    chunks.iter().try_for_each(|(&start, chunk)| chunk.counts(start, size as u32))?;
    chunks.iter().try_for_each(|(&start, chunk)| chunk.grouping(start))
}

/// What a beat does to each chunk of `size` bytes that it touches.
fn parts(size: u64, beat: &Beat) -> impl Iterator<Item = (u64, Part)> {
    let &Beat { offset, data, .. } = beat;
    let end = beat.end();
    let starts = (offset / size * size..end).step_by(size as usize);
    starts.map(move |start| {
        let (low, high) = (offset.max(start) - start, end.min(start.saturating_add(size)) - start);
        let mask = (u64::MAX >> (64 - (high - low))) << low;
        (start, Part { mask, data, skipped: start.wrapping_sub(offset) as i64 })
    })
}

impl Chunk {
    /// What holds of every byte by itself.
    fn counts(&self, start: u64, size: u32) -> Result<(), Impossible> {
        for place in 0..size {
            let offset = start + u64::from(place);
            let bit = 1 << place;
            let touching = |part: &&Part| part.mask & bit != 0;
            let (stores, beats) = (self.stores.iter(), self.beats.iter());
            let (stores, beats) = (stores.filter(touching), beats.filter(touching));
            let (times, came) = (stores.clone().count(), beats.clone().count());
            if came > 0 && times == 0 {
                return Err(Impossible::NeverAccessed { offset });
            }
            if came > times {
                return Err(Impossible::TooOften { offset, stored: times, came });
            }
            let loaded = self.loaded & bit != 0;
            if times > 0 && came == 0 || loaded && times == 0 && self.read & bit == 0 {
                return Err(Impossible::Lost { offset });
            }
            let mut known = [false; 256];
            let all_known = stores.clone().all(|part| {
                part.byte(place).inspect(|&byte| known[usize::from(byte)] = true).is_some()
            });
            let strange = |byte: u8| all_known && !known[usize::from(byte)];
            if beats.clone().any(|part| part.byte(place).is_some_and(strange)) {
                return Err(Impossible::OtherData { offset });
            }
        }
        Ok(())
    }

    /// Whether the stores can be grouped so that the groups are the beats.
    fn grouping(&self, start: u64) -> Result<(), Impossible> {
        let (stores, beats) = (&self.stores, &self.beats);
        if stores.len() == beats.len() && stores.iter().zip(beats).all(|(a, b)| agree(a, b)) {
            return Ok(());
        }
        if stores.len().saturating_mul(beats.len()) > MOST_STEPS {
            return Ok(());
        }
        // reachable[beat][n]: n stores can have become the beats before `beat`.
        let mut reachable = vec![vec![false; stores.len() + 1]; beats.len() + 1];
        reachable[0][0] = true;
        for beat in 0..beats.len() {
            // A group with holes came as several beats, one for each run of bytes.
            let mut mask = 0;
            for runs in 1..=beats.len() - beat {
                let next = beats[beat + runs - 1].mask;
                if mask != 0 && (next & (mask | mask << 1) != 0 || next < mask) {
                    break;
                }
                mask |= next;
                let group = Group { mask, beats: &beats[beat..beat + runs] };
                let (before, after) = reachable.split_at_mut(beat + runs);
                group.reach(stores, &before[beat], &mut after[0]);
            }
        }
        let all = reachable[beats.len()][stores.len()];
        all.then_some(()).ok_or(Impossible::NoOrder { offset: start })
    }
}

/// What one group of stores has to become.
struct Group<'a> {
    mask: u64,
    beats: &'a [Part],
}

impl Group<'_> {
    /// Marks in `after` each number of stores at which a group can end that begins at a number
    /// marked in `before`.
    fn reach(&self, stores: &[Part], before: &[bool], after: &mut [bool]) {
        // How many of the first n numbers are marked.
        let mut marked = vec![0; before.len() + 1];
        for (n, &is_marked) in before.iter().enumerate() {
            marked[n + 1] = marked[n] + usize::from(is_marked);
        }
        // The group cannot begin before this many stores, and has to begin before each byte's last.
        let mut earliest = 0;
        let mut last = [None; 64];
        for (at, store) in stores.iter().enumerate() {
            if store.mask & !self.mask != 0 {
                earliest = at + 1;
                continue;
            }
            for place in places(store.mask) {
                last[place as usize] = Some(at);
            }
            let latest = places(self.mask).map(|place| self.at(stores, &last, place)).min();
            if let Some(Some(latest)) = latest
                && latest >= earliest
                && marked[latest + 1] > marked[earliest]
            {
                after[at + 1] = true;
            }
        }
    }

    /// The last store to that byte, if it gives what came.
    fn at(&self, stores: &[Part], last: &[Option<usize>; 64], place: u32) -> Option<usize> {
        let at = last[place as usize]?;
        let beat = self.beats.iter().find(|beat| beat.mask >> place & 1 == 1)?;
        match (stores[at].byte(place), beat.byte(place)) {
            (Some(value), Some(came)) if value != came => None,
            _ => Some(at),
        }
    }
}

fn places(mask: u64) -> impl Iterator<Item = u32> {
    (0..64).filter(move |place| mask >> place & 1 == 1)
}

fn agree(store: &Part, beat: &Part) -> bool {
    let same = |place| match (store.byte(place), beat.byte(place)) {
        (Some(stored), Some(came)) => stored == came,
        _ => true,
    };
    store.mask == beat.mask && places(store.mask).all(same)
}
