//! Beats that are taken for one operation.

use std::collections::BTreeMap;

use busprobe_trace::{Access, Direction};
use busprobe_verdict::{Beat, Intent};

/// Beats that are taken for one operation, in their order.
pub(crate) struct Block<'a> {
    pub(crate) beats: &'a [Beat],
    /// The first byte touched, and one past the last.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Bytes of the widest beat.
    pub(crate) widest: u32,
    /// Whether all beats go the same way.
    pub(crate) direction: Option<Direction>,
    /// How often each byte was touched, at the least and at the most; 0 when there are gaps.
    fewest: u32,
    most: u32,
    /// Whether each byte had one value each time that it came.
    pub(crate) consistent: bool,
    /// Whether all data is known.
    pub(crate) with_data: bool,
}

impl<'a> Block<'a> {
    /// `beats` must not be empty.
    pub(crate) fn of(beats: &'a [Beat]) -> Self {
        let start = beats.iter().map(|beat| beat.offset).min().unwrap_or(0);
        let end = beats.iter().map(Beat::end).max().unwrap_or(0);
        let direction = beats.first().map(|beat| beat.direction);
        let mut bytes: BTreeMap<u64, (u32, Option<u8>)> = BTreeMap::new();
        let mut consistent = true;
        for beat in beats {
            for (index, address) in (beat.offset..beat.end()).enumerate() {
                let value = beat.data.and_then(|data| data.bytes().get(index).copied());
                let (times, before) = bytes.entry(address).or_default();
                *times += 1;
                if let (Some(before), Some(value)) = (*before, value) {
                    consistent &= before == value;
                }
                *before = value.or(*before);
            }
        }
        let times = || bytes.values().map(|(times, _)| *times);
        let whole = bytes.len() as u64 == end - start;
        Block {
            beats,
            start,
            end,
            widest: beats.iter().map(|beat| beat.size).max().unwrap_or(1),
            direction: direction.filter(|one| beats.iter().all(|beat| beat.direction == *one)),
            fewest: if whole { times().min().unwrap_or(0) } else { 0 },
            most: times().max().unwrap_or(0),
            consistent,
            with_data: beats.iter().all(|beat| beat.data.is_some()),
        }
    }

    /// Bytes from the first to the last.
    pub(crate) fn length(&self) -> u64 {
        self.end - self.start
    }

    /// Whether no byte between the first and the last was left out.
    pub(crate) fn is_whole(&self) -> bool {
        self.fewest > 0
    }

    /// Whether a byte came more than once.
    pub(crate) fn repeats(&self) -> bool {
        self.most > 1
    }

    /// Bytes of an element, as far as the log tells: as the beats are at their widest, where the
    /// block is made of such.
    pub(crate) fn element(&self) -> u64 {
        let bits = u64::from(self.widest.min(8)) | self.start | self.length();
        1 << bits.trailing_zeros().min(3)
    }

    /// What the block was most likely meant to be: its elements, once each, ascending.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        let width = self.element();
        if let (Some(direction), true) = (self.direction, self.is_whole()) {
            let count = self.length() / width;
            return vec![Intent::block(direction, self.start, count, width as u32)];
        }
        let accesses: Vec<Access> = self.beats.iter().map(access).collect();
        [Direction::Write, Direction::Read]
            .into_iter()
            .filter_map(|direction| Intent::infer(&accesses, direction, width.max(4) as u32))
            .collect()
    }

    /// The accesses of a program that puts each element once, in order, with the data that came.
    pub(crate) fn meant(&self) -> Vec<Access> {
        let mut last: BTreeMap<u64, Option<u8>> = BTreeMap::new();
        for beat in self.beats.iter().filter(|beat| beat.direction == Direction::Write) {
            for (index, address) in (beat.offset..beat.end()).enumerate() {
                last.insert(address, beat.data.and_then(|data| data.bytes().get(index).copied()));
            }
        }
        let width = self.element();
        let mut accesses: Vec<Access> = Vec::new();
        let mut element: Vec<(u64, Option<u8>)> = Vec::new();
        for (address, value) in last {
            let follows =
                element.last().is_none_or(|(last, _)| last + 1 == address && address % width != 0);
            if !follows {
                accesses.push(joined(&element));
                element.clear();
            }
            element.push((address, value));
        }
        if !element.is_empty() {
            accesses.push(joined(&element));
        }
        accesses
    }
}

/// The store of bytes that lie together.
fn joined(bytes: &[(u64, Option<u8>)]) -> Access {
    let data: Option<Vec<u8>> = bytes.iter().map(|(_, value)| *value).collect();
    let offset = bytes.first().map_or(0, |(address, _)| *address);
    let access = Access::new(Direction::Write, offset, bytes.len() as u32);
    Access { data: data.map(|data| busprobe_trace::Data::new(&data)), ..access }
}

/// The access that a beat would be as issued.
pub(crate) fn access(beat: &Beat) -> Access {
    Access { data: beat.data, ..Access::new(beat.direction, beat.offset, beat.size) }
}
