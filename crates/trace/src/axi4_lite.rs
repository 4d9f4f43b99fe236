//! Transactions of an AXI4-Lite link, and the records that they become: whether a recorder beside
//! the link saw them, or a waveform or a logic analyzer shows them.

use std::io;

use crate::{Access, Data, Direction, Loss, LossKind, Record, Sink};

/// BRESP or RRESP, by its number on the wires (Arm IHI 0022, A3.4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response(pub u8);

impl Response {
    /// The transaction succeeded.
    pub const OKAY: Response = Response(0);

    /// As the specification names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 & 3 {
            0 => "OKAY",
            1 => "EXOKAY",
            2 => "SLVERR",
            _ => "DECERR",
        }
    }

    fn is_error(self) -> bool {
        self.0 & 2 != 0
    }
}

/// One read or write as a link carried it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Read or write.
    pub direction: Direction,
    /// As the master gave it; the word it lies in is what is transferred.
    pub address: u64,
    /// The whole word, all byte lanes; `None` when a transferred byte is not known.
    pub data: Option<u64>,
    /// One bit a byte lane, bit 0 for the lowest address. A read has none: it transfers all.
    pub strobes: u8,
    /// What the device answered.
    pub response: Response,
}

/// Puts transactions into a trace as accesses at the level of the bus.
///
/// A write becomes an access of the bytes whose strobes are set, a read one of the whole word. What
/// an access cannot say is a loss beside it: strobes with a hole or none at all, an error response.
pub struct TransactionWriter<S> {
    sink: S,
    lanes: u64,
    base: u64,
    seq: u64,
    accesses: u64,
}

impl<S: Sink> TransactionWriter<S> {
    /// Transactions of a link of `data_width` bits, 32 or 64, into window 0 of `sink`, which begins
    /// at the link's address `base`. The header and the window are the caller's to put first.
    pub fn new(sink: S, data_width: u32, base: u64) -> Self {
        TransactionWriter { sink, lanes: u64::from(data_width / 8), base, seq: 0, accesses: 0 }
    }

    /// Puts one transaction, which ended at `time_ns`.
    ///
    /// # Errors
    /// What the sink says.
    pub fn put(&mut self, transaction: &Transaction, time_ns: Option<u64>) -> io::Result<()> {
        let Transaction { direction, address, data, response, .. } = *transaction;
        let word = address & !(self.lanes - 1);
        let all = ((1u16 << self.lanes) - 1) as u8;
        let strobes = if direction == Direction::Read { all } else { transaction.strobes & all };
        let mut runs = 0;
        for (first, size) in runs_of_ones(strobes) {
            runs += 1;
            let bytes = data.map(u64::to_le_bytes);
            let access = Access {
                data: bytes.map(|b| Data::new(&b[first as usize..(first + size) as usize])),
                time_ns,
                ..Access::new(direction, (word + u64::from(first)).wrapping_sub(self.base), size)
            };
            self.accesses += 1;
            self.event(|seq| Record::Access(Access { seq, ..access }))?;
        }
        if runs != 1 {
            let width = self.lanes as usize + 2;
            self.approximate(format!(
                "a write to {word:#x} with strobes {strobes:#0width$b} is one transaction on the \
                 bus and {runs} accesses here"
            ))?;
        }
        if response.is_error() {
            let what = if direction == Direction::Read { "read of" } else { "write to" };
            self.approximate(format!(
                "the device answered the {what} {word:#x} with {}: what it did is not known",
                response.name()
            ))?;
        }
        Ok(())
    }

    /// How many accesses there were.
    #[must_use]
    pub fn accesses(&self) -> u64 {
        self.accesses
    }

    /// Says that something in the records is not exact.
    ///
    /// # Errors
    /// What the sink says.
    pub fn approximate(&mut self, detail: String) -> io::Result<()> {
        self.loss(LossKind::Approximate, detail, None)
    }

    /// Says that something was not seen.
    ///
    /// # Errors
    /// What the sink says.
    pub fn loss(&mut self, kind: LossKind, detail: String, count: Option<u64>) -> io::Result<()> {
        self.event(|seq| Record::Loss(Loss { seq, kind, detail, count }))
    }

    /// Makes all records so far readable by others.
    ///
    /// # Errors
    /// What the sink says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn event(&mut self, record: impl FnOnce(u64) -> Record) -> io::Result<()> {
        let seq = self.seq;
        self.seq += 1;
        self.sink.put(&record(seq))
    }
}

/// The first bit and the length of each run of ones, ascending.
fn runs_of_ones(bits: u8) -> impl Iterator<Item = (u32, u32)> {
    let mut rest = u16::from(bits);
    std::iter::from_fn(move || {
        let first = rest.trailing_zeros();
        let size = (rest.checked_shr(first)?).trailing_ones();
        rest &= !(((1 << size) - 1) << first);
        Some((first, size))
    })
}
