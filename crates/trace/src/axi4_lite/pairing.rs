//! From handshakes to transactions.

use std::collections::VecDeque;

use super::{Response, Transaction};
use crate::Direction;

/// What the W channel carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteData {
    /// The word; `None` when a byte whose strobe is set is not known.
    pub data: Option<u64>,
    /// One bit a byte lane.
    pub strobes: u8,
}

/// What the R channel carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadData {
    /// The word; `None` when it is not known.
    pub data: Option<u64>,
    /// RRESP.
    pub response: Response,
}

/// The transfers of one clock cycle: each channel's payload when its VALID and READY were high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transfers {
    /// AWADDR; `Some(None)` when it is not known.
    pub aw: Option<Option<u64>>,
    /// WDATA and WSTRB.
    pub w: Option<WriteData>,
    /// BRESP.
    pub b: Option<Response>,
    /// ARADDR; `Some(None)` when it is not known.
    pub ar: Option<Option<u64>>,
    /// RDATA and RRESP.
    pub r: Option<ReadData>,
}

/// Joins the i-th AW, W and B, and the i-th AR and R; AW and W come in either order.
///
/// A transaction is done when its response is taken; when a read and a write are done in the same
/// cycle, the write comes first.
#[derive(Debug, Default)]
pub struct Pairing {
    aw: VecDeque<Option<u64>>,
    w: VecDeque<WriteData>,
    ar: VecDeque<Option<u64>>,
    /// Responses to which there was no request.
    pub unpaired: u64,
    /// Transactions whose address was not known.
    pub unaddressed: u64,
}

impl Pairing {
    /// Takes one cycle, and gives the transactions that are done in it.
    pub fn cycle(&mut self, transfers: &Transfers) -> impl Iterator<Item = Transaction> + use<> {
        let write = transfers.b.and_then(|response| self.write(response));
        let read = transfers.r.and_then(|data| self.read(data));
        self.aw.extend(transfers.aw);
        self.w.extend(transfers.w);
        self.ar.extend(transfers.ar);
        write.into_iter().chain(read)
    }

    /// Requests, complete or in part, that wait for their responses.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.aw.len().max(self.w.len()) + self.ar.len()
    }

    /// Forgets the requests under way, as a reset does.
    pub fn reset(&mut self) {
        self.aw.clear();
        self.w.clear();
        self.ar.clear();
    }

    fn write(&mut self, response: Response) -> Option<Transaction> {
        if self.aw.is_empty() || self.w.is_empty() {
            self.unpaired += 1;
            return None;
        }
        let (address, data) = (self.aw.pop_front()?, self.w.pop_front()?);
        Some(Transaction {
            direction: Direction::Write,
            address: self.known(address)?,
            data: data.data,
            strobes: data.strobes,
            response,
        })
    }

    fn read(&mut self, data: ReadData) -> Option<Transaction> {
        let Some(address) = self.ar.pop_front() else {
            self.unpaired += 1;
            return None;
        };
        Some(Transaction {
            direction: Direction::Read,
            address: self.known(address)?,
            data: data.data,
            strobes: 0,
            response: data.response,
        })
    }

    fn known(&mut self, address: Option<u64>) -> Option<u64> {
        self.unaddressed += u64::from(address.is_none());
        address
    }
}
