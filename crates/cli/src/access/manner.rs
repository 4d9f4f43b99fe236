//! How elements lie in a window and go over its bus: byte order, and 64 bits in halves.

use busprobe_mmio::{AccessError, ByteOrder, Mode, Run, Width, Window};
use busprobe_trace::{Access, Data, Direction};
use clap::ValueEnum;

/// How elements become accesses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) endian: Endian,
    pub(crate) split: Option<Split>,
}

/// What commands are told that can access 64 bits in halves.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Halves {
    /// Make two 32-bit accesses of each 64-bit element, the low or the high half first
    #[arg(long, value_name = "HALVES")]
    pub(crate) split: Option<Split>,
}

/// The order of an element's bytes in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// Which half of 64 bits goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Split {
    /// The low half first
    LoHi,
    /// The high half first
    HiLo,
}

impl Split {
    pub(crate) fn read(self, window: &Window, offset: u64) -> Result<u64, AccessError> {
        match self {
            Split::LoHi => window.read64_lo_hi(offset),
            Split::HiLo => window.read64_hi_lo(offset),
        }
    }

    pub(crate) fn write(self, window: &Window, offset: u64, value: u64) -> Result<(), AccessError> {
        match self {
            Split::LoHi => window.write64_lo_hi(offset, value),
            Split::HiLo => window.write64_hi_lo(offset, value),
        }
    }
}

impl Manner {
    pub(crate) fn byte_order(self) -> ByteOrder {
        match self.endian {
            Endian::Little => ByteOrder::Little,
            Endian::Big => ByteOrder::Big,
        }
    }

    /// Says when there is nothing to split.
    pub(crate) fn check(self, width: Width) -> Result<(), String> {
        if self.split.is_some() && width != Width::W64 {
            return Err("--split is for 64-bit elements; add --width 64".to_owned());
        }
        Ok(())
    }

    /// How many accesses so many elements are.
    pub(crate) fn accesses_of(self, elements: usize) -> u64 {
        let each = if self.split.is_some() { 2 } else { 1 };
        each * elements as u64
    }

    /// What is checked of a run: with halves, they need the alignment of halves only.
    pub(crate) fn checked(self, run: Run, mode: Mode) -> Run {
        match (self.split, mode) {
            (None, _) => run,
            (Some(_), Mode::Fixed) => Run::incr(run.offset, Width::W32, 2),
            (Some(_), Mode::Incr) => Run::incr(run.offset, Width::W32, run.count.saturating_mul(2)),
        }
    }

    /// The accesses that an element becomes, with their data when its value is known.
    pub(crate) fn accesses(
        self,
        direction: Direction,
        offset: u64,
        width: Width,
        value: Option<u64>,
    ) -> impl Iterator<Item = Access> + use<> {
        let access = move |offset, width: Width, value: Option<u64>| Access {
            data: value.map(|value| self.data(value, width)),
            ..Access::new(direction, offset, width.bytes() as u32)
        };
        let Some(split) = self.split else {
            return [Some(access(offset, width, value)), None].into_iter().flatten();
        };
        let (low_at, high_at) = match self.endian {
            Endian::Little => (offset, offset.wrapping_add(4)),
            Endian::Big => (offset.wrapping_add(4), offset),
        };
        let low = access(low_at, Width::W32, value.map(|value| value & 0xffff_ffff));
        let high = access(high_at, Width::W32, value.map(|value| value >> 32));
        let halves = match split {
            Split::LoHi => [Some(low), Some(high)],
            Split::HiLo => [Some(high), Some(low)],
        };
        halves.into_iter().flatten()
    }

    /// A value's bytes as they lie in the window.
    fn data(self, value: u64, width: Width) -> Data {
        Data::new(&self.bytes(value, width)[..width.bytes() as usize])
    }

    /// A value's bytes as they lie in the window, and zeros behind.
    pub(crate) fn bytes(self, value: u64, width: Width) -> [u8; 8] {
        let mut bytes = value.to_le_bytes();
        if self.endian == Endian::Big {
            bytes[..width.bytes() as usize].reverse();
        }
        bytes
    }
}
