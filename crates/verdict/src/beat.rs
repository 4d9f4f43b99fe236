//! One transaction on a bus.

use busprobe_trace::{Data, Direction};

/// One transaction that an access becomes on a given bus.
///
/// A write carries strobes for the bytes it touches, which are contiguous: `offset` and `size` say
/// which they are. A read has no strobes: the device sees the whole bus word being read, whatever
/// part of it the access wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Read or write.
    pub direction: Direction,
    /// First byte touched, counted from the window's start.
    pub offset: u64,
    /// Bytes touched.
    pub size: u32,
    /// Those bytes, when they are known.
    pub data: Option<Data>,
}

impl Beat {
    /// One past the last byte touched.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.size.into())
    }

    /// The byte strobes on a bus of `width` bytes, bit 0 for the lowest address.
    #[must_use]
    pub fn strobes(&self, width: u32) -> u64 {
        let lane = self.offset % u64::from(width);
        let touched = u64::MAX.checked_shl(self.size).map_or(u64::MAX, |above| !above);
        touched << lane
    }
}
