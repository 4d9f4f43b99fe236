//! From the wires of an AXI4-Lite link to its transactions.
//!
//! [`find_links`] picks the wires of a link by their names; [`Link::transfers`] says what they carry
//! at an edge of the clock, and a [`Pairing`] makes transactions of that.

mod bits;
mod link;
mod pairing;
mod transfers;

pub(super) use bits::Bits;
pub(super) use link::{Link, Reset, Role, Signal, find_links};
pub(super) use pairing::{Address, Pairing, ReadData, Transfers, WriteData};
