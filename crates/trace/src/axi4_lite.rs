//! Transactions of an AXI4-Lite link, and how they become records of a trace.
//!
//! A recorder beside the link gives transactions; a waveform gives wires, of which [`find_links`]
//! picks those of a link by their names and a [`Pairing`] makes transactions. A
//! [`TransactionWriter`] puts either into a trace.

mod pairing;
mod signals;
mod transaction;

pub use pairing::{Pairing, ReadData, Transfers, WriteData};
pub use signals::{Link, Reset, Role, Signal, find_links};
pub use transaction::{Response, Transaction, TransactionWriter};
