//! The eight words of a record.

use busprobe_trace::Direction;
use busprobe_trace::axi4_lite::{Response, Transaction};

/// Words that one record is read in.
pub(crate) const WORDS: usize = 8;

/// What the recorder says of one transaction.
pub(crate) struct Recorded {
    pub(crate) transaction: Transaction,
    /// Transactions that were lost just before it; at most 65,535 are counted.
    pub(crate) gap: u32,
    /// The clock cycle in which its address was taken.
    pub(crate) cycle: u64,
    /// The clock cycle in which its response was taken.
    pub(crate) response_cycle: u64,
}

impl Recorded {
    /// `None` when the core says that this is no record.
    pub(crate) fn decode(words: [u32; WORDS]) -> Option<Self> {
        let [header, address_low, address_high, data_low, data_high, low, response_low, high] =
            words;
        if header & 1 == 0 {
            return None;
        }
        let join = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let direction = if header & 2 == 0 { Direction::Read } else { Direction::Write };
        Some(Recorded {
            transaction: Transaction {
                direction,
                address: join(address_high, address_low),
                data: Some(join(data_high, data_low)),
                strobes: (header >> 8) as u8,
                response: Response((header >> 2 & 3) as u8),
            },
            gap: header >> 16,
            cycle: join(high & 0xFFFF, low),
            response_cycle: join(high >> 16, response_low),
        })
    }
}
