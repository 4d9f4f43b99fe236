//! From handshakes to transactions.

use std::collections::VecDeque;

use busprobe_trace::Direction;
use busprobe_trace::axi4_lite::{Response, Transaction};

/// No link has more requests under way.
const MOST_WAITING: usize = 4096;

/// What the AW or the AR channel carried; `None` when it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) struct Address(pub(in crate::import) Option<u64>);

/// What the W channel carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) struct WriteData {
    /// The word; `None` when a byte whose strobe is set is not known.
    pub(in crate::import) data: Option<u64>,
    /// One bit a byte lane.
    pub(in crate::import) strobes: u8,
}

/// What the R channel carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) struct ReadData {
    /// The word; `None` when it is not known.
    pub(in crate::import) data: Option<u64>,
    /// RRESP.
    pub(in crate::import) response: Response,
}

/// The transfers of one clock cycle: each channel's payload when its VALID and READY were high.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::import) struct Transfers {
    /// AWADDR.
    pub(in crate::import) aw: Option<Address>,
    /// WDATA and WSTRB.
    pub(in crate::import) w: Option<WriteData>,
    /// BRESP.
    pub(in crate::import) b: Option<Response>,
    /// ARADDR.
    pub(in crate::import) ar: Option<Address>,
    /// RDATA and RRESP.
    pub(in crate::import) r: Option<ReadData>,
}

/// Joins the i-th AW, W and B, and the i-th AR and R; AW and W come in either order.
///
/// A transaction is done when its response is taken; when a read and a write are done in the same
/// cycle, the write comes first.
#[derive(Debug, Default)]
pub(in crate::import) struct Pairing {
    aw: VecDeque<Address>,
    w: VecDeque<WriteData>,
    ar: VecDeque<Address>,
    /// Responses to which there was no request.
    unpaired: u64,
    /// Transactions whose address was not known.
    unaddressed: u64,
    /// Requests that waited until there were too many of them.
    unanswered: u64,
}

impl Pairing {
    /// Takes one cycle, and gives the transactions that are done in it.
    pub(in crate::import) fn cycle(
        &mut self,
        transfers: &Transfers,
    ) -> impl Iterator<Item = Transaction> + use<> {
        let write = transfers.b.and_then(|response| self.write(response));
        let read = transfers.r.and_then(|data| self.read(data));
        self.aw.extend(transfers.aw);
        self.w.extend(transfers.w);
        self.ar.extend(transfers.ar);
        if self.waiting() > MOST_WAITING {
            self.unanswered += self.waiting() as u64;
            self.reset();
        }
        write.into_iter().chain(read)
    }

    /// What the wires did not show whole: how many, and what was missing.
    pub(in crate::import) fn missed(&self) -> impl Iterator<Item = (u64, String)> {
        let unanswered = self.unanswered + self.waiting() as u64;
        [
            (unanswered, "requests had no response by the end"),
            (
                self.unpaired,
                "responses came without a request, as when the recording begins amid traffic",
            ),
            (self.unaddressed, "transactions had an unknown address (x or z)"),
        ]
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, what)| (count, format!("{count} {what}")))
    }

    /// Requests, complete or in part, that wait for their responses.
    fn waiting(&self) -> usize {
        self.aw.len().max(self.w.len()) + self.ar.len()
    }

    /// Forgets the requests under way, as a reset does.
    pub(in crate::import) fn reset(&mut self) {
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

    fn known(&mut self, Address(address): Address) -> Option<u64> {
        self.unaddressed += u64::from(address.is_none());
        address
    }
}
