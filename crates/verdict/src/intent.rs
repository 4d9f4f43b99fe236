//! What an operation was meant to put on the bus.

use std::fmt;
use std::str::FromStr;

use busprobe_trace::{Access, Direction};
use thiserror::Error;

use crate::Beat;
use crate::coverage::Coverage;

/// A verdict counts every element by itself, so there has to be an end to them.
const MOST_ELEMENTS: u64 = 1 << 24;

/// So many runs of an intent are listed in words.
const RUNS_SHOWN: usize = 8;

/// Where consecutive elements go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To ascending addresses.
    Ascending,
    /// All to one address, a FIFO's.
    Fixed,
}

/// Elements that lie next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first element's offset in the window.
    pub start: u64,
    /// How many.
    pub count: u64,
}

impl Run {
    /// One past the last byte, of elements of `width` bytes.
    pub(crate) fn end(&self, width: u64) -> u64 {
        self.start.saturating_add(self.count.saturating_mul(width))
    }
}

/// What an operation was meant to put on the bus: each element once, in order.
///
/// Written `W 0x0 64x32`: direction, start, count, element width in bits; ` fixed` after it when
/// all go to one address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Intent {
    direction: Direction,
    width: u32,
    mode: Mode,
    runs: Vec<Run>,
}

impl Intent {
    /// `count` elements of `width` bytes from `start` on.
    #[must_use]
    pub fn block(direction: Direction, start: u64, count: u64, width: u32) -> Self {
        Intent { direction, width, mode: Mode::Ascending, runs: vec![Run { start, count }] }
    }

    /// `count` elements of `width` bytes, all at `offset`.
    #[must_use]
    pub fn fixed(direction: Direction, offset: u64, count: u64, width: u32) -> Self {
        Intent { direction, width, mode: Mode::Fixed, runs: vec![Run { start: offset, count }] }
    }

    /// What these accesses were most likely meant to be. `None` when none goes that way.
    ///
    /// That is the elements they touch, once each, in ascending order. The element is as wide as
    /// the narrowest access, at most `bus_width` bytes, and aligned as all of them are. But where
    /// one instruction made the same access several times and there is no other, each was meant:
    /// a FIFO, or a poll.
    #[must_use]
    pub fn infer<'a>(
        accesses: impl IntoIterator<Item = &'a Access>,
        direction: Direction,
        bus_width: u32,
    ) -> Option<Self> {
        let mut coverage = Coverage::new(bus_width);
        for access in accesses.into_iter().filter(|access| access.direction == direction) {
            let Access { offset, size, data, .. } = *access;
            let beat = Beat { direction, offset, size, data };
            coverage.access(access, &[beat]);
            coverage.beat(&beat);
        }
        (!coverage.is_empty()).then(|| coverage.finish(direction).0)
    }

    /// Elements of `width` bytes in runs of ascending offset that do not overlap.
    pub(crate) fn of_runs(direction: Direction, width: u32, runs: Vec<Run>) -> Self {
        Intent { direction, width, mode: Mode::Ascending, runs }
    }

    /// Bytes of the widest element on a bus of `bus_width` bytes.
    pub(crate) fn widest(bus_width: u32) -> u32 {
        1 << bus_width.clamp(1, 8).ilog2()
    }

    /// Read or write.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Bytes of an element.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Whether the address ascends.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The elements, as runs of ascending offset.
    #[must_use]
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many elements.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.runs.iter().map(|run| run.count).sum()
    }
}

/// Why a text is no intent.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{text:?} is no intent: {what}; write for example \"W 0x0 64x32\"")]
pub struct IntentError {
    text: String,
    what: &'static str,
}

impl FromStr for Intent {
    type Err = IntentError;

    fn from_str(text: &str) -> Result<Self, IntentError> {
        let error = |what| IntentError { text: text.to_owned(), what };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (direction, start, block, mode) = match words[..] {
            [direction, start, block] => (direction, start, block, Mode::Ascending),
            [direction, start, block, "fixed"] => (direction, start, block, Mode::Fixed),
            _ => return Err(error("it has the direction, the start and COUNTxBITS")),
        };
        let direction = match direction {
            "R" => Direction::Read,
            "W" => Direction::Write,
            _ => return Err(error("the direction is R or W")),
        };
        let start = number(start).ok_or_else(|| error("the start is a number, decimal or 0x"))?;
        let (count, bits) = block.split_once('x').unwrap_or(("1", block));
        let count = number(count).filter(|count| (1..=MOST_ELEMENTS).contains(count));
        let count = count.ok_or_else(|| error("the count is a number from 1 to 2^24"))?;
        let width = match bits {
            "8" => 1,
            "16" => 2,
            "32" => 4,
            "64" => 8,
            _ => return Err(error("the width is 8, 16, 32 or 64 bits")),
        };
        if start.checked_add(count * u64::from(width)).is_none() {
            return Err(error("it goes beyond the last address"));
        }
        Ok(Intent { direction, width, mode, runs: vec![Run { start, count }] })
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// As it is parsed; several runs are joined by ` + `, and no more than a line takes are listed.
impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.runs.is_empty() {
            return f.write_str("unknown");
        }
        let bits = self.width * 8;
        for (index, Run { start, count }) in self.runs.iter().take(RUNS_SHOWN).enumerate() {
            let join = if index == 0 { "" } else { " + " };
            write!(f, "{join}{} {start:#x} {count}x{bits}", self.direction.letter())?;
        }
        if self.runs.len() > RUNS_SHOWN {
            write!(f, " + {} more runs", self.runs.len() - RUNS_SHOWN)?;
        }
        match self.mode {
            Mode::Ascending => Ok(()),
            Mode::Fixed => f.write_str(" fixed"),
        }
    }
}
