//! The value of a wire, of which some bits may not be known.

use busprobe_trace::Data;

/// The widest wire of which all bits are kept: the data of the widest access.
const WORDS: usize = Data::MAX / 8;

/// The lowest bits of a wire, up to those of [`Data::MAX`] bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::import) struct Bits {
    /// Bits that are not known are 0 here.
    value: [u64; WORDS],
    /// Which bits are 0 or 1.
    known: [u64; WORDS],
}

impl Bits {
    /// A value of which all bits are known.
    pub(in crate::import) fn known(value: u64) -> Self {
        let mut bits = Bits { value: [0; WORDS], known: [u64::MAX; WORDS] };
        bits.value[0] = value;
        bits
    }

    /// A value by its bits, the lowest first; `None` is a bit that is neither 0 nor 1. What is left
    /// out above them is 0, or unknown when the highest is (IEEE 1364-2005, 18.2.1).
    pub(in crate::import) fn new(
        lowest_first: impl DoubleEndedIterator<Item = Option<bool>> + Clone,
    ) -> Self {
        let mut bits = match lowest_first.clone().next_back() {
            Some(Some(_)) => Bits::known(0),
            _ => Bits::default(),
        };
        for (place, bit) in lowest_first.take(WORDS * 64).enumerate() {
            let (word, mask) = (place / 64, 1 << (place % 64));
            bits.known[word] &= !mask;
            if let Some(is_one) = bit {
                bits.known[word] |= mask;
                bits.value[word] |= if is_one { mask } else { 0 };
            }
        }
        bits
    }

    pub(in crate::import) fn is_high(self) -> bool {
        self.known[0] & self.value[0] & 1 == 1
    }

    pub(in crate::import) fn is_low(self) -> bool {
        self.known[0] & !self.value[0] & 1 == 1
    }

    /// The lowest 64 bits, 0 where they are not known.
    pub(in crate::import) fn low(self) -> u64 {
        self.value[0]
    }

    /// The value of the lowest `width` bits, when all are known.
    pub(in crate::import) fn whole(self, width: u32) -> Option<u64> {
        self.in_mask(1_u64.checked_shl(width).map_or(u64::MAX, |end| end - 1))
    }

    /// The lowest 64 bits, when all of `mask` are known; the others are 0 where they are not.
    pub(in crate::import) fn in_mask(self, mask: u64) -> Option<u64> {
        (self.known[0] & mask == mask).then_some(self.value[0])
    }

    /// `size` bytes from the byte `first`, when they are known.
    pub(in crate::import) fn bytes(self, first: usize, size: usize) -> Option<Data> {
        let bytes = |words: [u64; WORDS]| words.map(u64::to_le_bytes).concat();
        let range = first..first + size;
        let all_known = bytes(self.known).get(range.clone())?.iter().all(|&byte| byte == u8::MAX);
        all_known.then(|| Data::new(&bytes(self.value)[range]))
    }
}
