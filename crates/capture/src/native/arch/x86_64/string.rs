//! `rep movs` and `rep stos`: one instruction that makes many accesses.
//!
//! A step by the trap flag ends after each element (Intel's manual, volume 3, section 19.3.1.4), so
//! these run from the stub, with a breakpoint after them.

use iced_x86::{Mnemonic as M, Register, UsedMemory};

use super::layout::BREAKPOINT;
use super::{Instruction, Registers};
use crate::native::access::touch::Move;

/// The instruction, for another place where it stops after it; whole words.
pub(crate) fn with_breakpoint(instruction: &[u8]) -> Vec<u8> {
    let mut code = instruction.to_vec();
    code.extend(BREAKPOINT);
    code.resize(code.len().next_multiple_of(8), BREAKPOINT[0]);
    code
}

/// A repeated string instruction that runs as a whole.
pub(crate) struct StringRun {
    /// Bytes from one element to the next, negative when they descend.
    pub(crate) step: i64,
    /// How many elements there are to go.
    pub(crate) count: u64,
    /// The pointer of each of the instruction's operands in memory.
    pointers: Vec<Register>,
    next: u64,
}

impl Instruction {
    /// As what it runs as a whole; `None` when it does not repeat, or shows its data only element
    /// by element.
    pub(crate) fn string(&self, registers: &Registers) -> Option<StringRun> {
        /// `DF`.
        const DOWN: u64 = 1 << 10;
        let is_known = matches!(
            self.inner.mnemonic(),
            M::Movsb | M::Movsw | M::Movsd | M::Movsq | M::Stosb | M::Stosw | M::Stosd | M::Stosq
        );
        if !is_known || !self.is_repeated() {
            return None;
        }
        // A prefix may shorten the addresses, and with them the count.
        let pointers: Vec<Register> = self.memory.iter().map(UsedMemory::base).collect();
        if !pointers.iter().all(|pointer| pointer.is_gpr64()) {
            return None;
        }
        let size = self.inner.memory_size().size() as i64;
        let step = if registers.flags() & DOWN == 0 { size } else { -size };
        let count = registers.get(Register::RCX)?;
        Some(StringRun { step, count, pointers, next: self.inner.next_ip() })
    }
}

impl StringRun {
    /// What to put at the stub; whole words.
    pub(crate) fn code(instruction: &[u8]) -> Vec<u8> {
        with_breakpoint(instruction)
    }

    /// The registers to run `count` elements with.
    pub(crate) fn start(
        &self,
        before: &Registers,
        moves: &[Move],
        count: u64,
        stub: u64,
    ) -> Registers {
        let mut start = *before;
        start.set_pc(stub);
        start.set(Register::RCX, count);
        self.shift(&mut start, moves, 1);
        start
    }

    /// Makes the registers after the run what they would be if the program had done as many
    /// elements of its own instruction; returns how many.
    pub(crate) fn settle(
        &self,
        before: &Registers,
        moves: &[Move],
        count: u64,
        after: &mut Registers,
    ) -> u64 {
        let done = count - after.get(Register::RCX).unwrap_or(count).min(count);
        self.shift(after, moves, -1);
        let left = self.count - done;
        after.set(Register::RCX, left);
        after.set_pc(if left == 0 { self.next } else { before.pc() });
        done
    }

    fn shift(&self, registers: &mut Registers, moves: &[Move], sign: i64) {
        for &Move { operand, distance } in moves {
            let pointer = self.pointers[operand];
            let value = registers.get(pointer).unwrap_or_default();
            registers.set(pointer, value.wrapping_add_signed(sign * distance));
        }
    }
}
