//! What an instruction is about to do to memory.

use std::ops::Range;

use busprobe_trace::Direction;

/// One load or store that an instruction will make when it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    /// Which of the instruction's memory operands it belongs to.
    pub(crate) operand: usize,
    /// Load or store.
    pub(crate) direction: Direction,
    /// The first byte, in the program's address space.
    pub(crate) address: u64,
    /// Bytes; 0 when the instruction does not tell.
    pub(crate) size: u32,
    /// How many bytes of the operand come before these: vector instructions with a mask, gathers
    /// and scatters make several loads or stores of one operand.
    pub(crate) lane: usize,
}

impl Touch {
    /// The addresses from the first byte to the last.
    pub(crate) fn range(&self) -> Range<u64> {
        self.address..self.address.wrapping_add(self.size.max(1).into())
    }
}

/// How far to move one memory operand for one run of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move {
    /// Which operand.
    pub(crate) operand: usize,
    /// Where the alias lies, seen from the window.
    pub(crate) distance: i64,
}
