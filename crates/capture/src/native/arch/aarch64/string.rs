//! No instruction here that is known to this capture makes more than one step's accesses.

use super::{Instruction, Registers};
use crate::native::access::touch::Move;

/// A repeated string instruction that runs as a whole: there is none.
pub(crate) struct StringRun {
    pub(crate) step: i64,
    pub(crate) count: u64,
    none: std::convert::Infallible,
}

impl Instruction {
    #[expect(clippy::unused_self, reason = "other instruction sets look at the instruction")]
    pub(crate) fn string(&self, _: &Registers) -> Option<StringRun> {
        None
    }
}

impl StringRun {
    pub(crate) fn code(_: &[u8]) -> Vec<u8> {
        Vec::new()
    }

    pub(crate) fn start(&self, _: &Registers, _: &[Move], _: u64, _: u64) -> Registers {
        match self.none {}
    }

    pub(crate) fn settle(&self, _: &Registers, _: &[Move], _: u64, _: &mut Registers) -> u64 {
        match self.none {}
    }
}
