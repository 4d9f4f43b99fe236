//! What one access carries: its width, its direction, and the integers of that width.

use std::fmt;

use crate::asm::Access;

/// How many bits one access moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Width {
    /// One byte.
    W8,
    /// Two bytes.
    W16,
    /// Four bytes.
    W32,
    /// Eight bytes.
    W64,
}

impl Width {
    /// The width of 8, 16, 32 or 64 bits; no other exists.
    #[must_use]
    pub fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            8 => Some(Width::W8),
            16 => Some(Width::W16),
            32 => Some(Width::W32),
            64 => Some(Width::W64),
            _ => None,
        }
    }

    /// 8, 16, 32 or 64.
    #[must_use]
    pub fn bits(self) -> u32 {
        8 * self.bytes() as u32
    }

    /// 1, 2, 4 or 8.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Width::W8 => 1,
            Width::W16 => 2,
            Width::W32 => 4,
            Width::W64 => 8,
        }
    }

    /// The largest value that an element of this width holds.
    #[must_use]
    pub fn max_value(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }
}

/// In bits: `32`.
impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bits().fmt(f)
    }
}

/// Which way the data goes, seen from the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A load.
    Read,
    /// A store.
    Write,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Direction::Read => "read",
            Direction::Write => "write",
        })
    }
}

/// In which order the bytes of an element lie in the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// The low byte first.
    #[cfg_attr(target_endian = "little", default)]
    Little,
    /// The high byte first.
    #[cfg_attr(target_endian = "big", default)]
    Big,
}

/// An unsigned integer that one access can carry: `u8`, `u16`, `u32` or `u64`.
pub trait Element: Access + Copy + Into<u64> + 'static {
    /// The width of its access.
    const WIDTH: Width;
    /// The low bits of `value`.
    #[must_use]
    fn truncate(value: u64) -> Self;
    /// The bytes the other way round.
    #[must_use]
    fn swapped(self) -> Self;
}

macro_rules! element {
    ($element:ty, $width:ident) => {
        impl Element for $element {
            const WIDTH: Width = Width::$width;
            fn truncate(value: u64) -> Self {
                value as Self
            }
            fn swapped(self) -> Self {
                self.swap_bytes()
            }
        }
    };
}
element!(u8, W8);
element!(u16, W16);
element!(u32, W32);
element!(u64, W64);
