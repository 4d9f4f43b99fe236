//! What one call puts on the bus: elements of one width, each accessed once, in order.

use crate::Width;

/// A run of accesses: `count` elements of one width, the first at `offset`, each next one
/// `stride` bytes further on.
///
/// ```
/// use busprobe_mmio::{Run, Width};
///
/// let every_other = Run::strided(0x10, Width::W32, 3, 8);
/// assert_eq!(every_other.offsets().collect::<Vec<_>>(), [0x10, 0x18, 0x20]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// The first element's first byte, counted from the window's start.
    pub offset: u64,
    /// The width of every access.
    pub width: Width,
    /// How many accesses.
    pub count: u64,
    /// Bytes from one element to the next: the width for neighbours, 0 for one fixed address,
    /// negative to go down.
    pub stride: i64,
}

impl Run {
    /// One access.
    #[must_use]
    pub fn one(offset: u64, width: Width) -> Self {
        Run::incr(offset, width, 1)
    }

    /// Neighbours at ascending offsets.
    #[must_use]
    pub fn incr(offset: u64, width: Width, count: u64) -> Self {
        Run::strided(offset, width, count, width.bytes() as i64)
    }

    /// All at one offset: a FIFO's data register.
    #[must_use]
    pub fn fixed(offset: u64, width: Width, count: u64) -> Self {
        Run::strided(offset, width, count, 0)
    }

    /// Every `stride` bytes.
    #[must_use]
    pub fn strided(offset: u64, width: Width, count: u64, stride: i64) -> Self {
        Run { offset, width, count, stride }
    }

    /// [`Run::incr`] or [`Run::fixed`].
    #[must_use]
    pub fn block(offset: u64, width: Width, count: u64, mode: Mode) -> Self {
        match mode {
            Mode::Incr => Run::incr(offset, width, count),
            Mode::Fixed => Run::fixed(offset, width, count),
        }
    }

    /// The offset of each access, in the order they are made. Offsets that no window can have wrap
    /// around.
    pub fn offsets(self) -> impl Iterator<Item = u64> {
        (0..self.count)
            .map(move |i| self.offset.wrapping_add_signed(self.stride.wrapping_mul(i as i64)))
    }

    /// First byte and one past the last byte of all that is accessed; `None` when that cannot be
    /// counted in 64 bits. An empty run covers nothing, at its offset.
    pub(crate) fn span(self) -> Option<(u64, u64)> {
        let Some(steps) = self.count.checked_sub(1) else {
            return Some((self.offset, self.offset));
        };
        let last = i128::from(self.offset) + i128::from(self.stride) * i128::from(steps);
        let last = u64::try_from(last).ok()?;
        let end = self.offset.max(last).checked_add(self.width.bytes())?;
        Some((self.offset.min(last), end))
    }
}

/// How a block's address goes from one element to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// To the next element: memory, a register file.
    #[default]
    Incr,
    /// Nowhere: a FIFO's data register.
    Fixed,
}
