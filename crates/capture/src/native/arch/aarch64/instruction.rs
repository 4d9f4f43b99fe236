//! What one instruction loads and stores.

use busprobe_trace::Direction;

use super::encoding::{Action, Encoding, Offset, Writeback};
use super::{Registers, Vectors};
use crate::native::touch::Touch;

/// Bytes of every instruction.
const LENGTH: usize = 4;

/// A decoded instruction.
pub(crate) struct Instruction {
    pub(super) encoding: Encoding,
}

impl Instruction {
    /// Decodes the instruction that `code` begins with; `None` when it is no load or store that is
    /// known here.
    pub(crate) fn decode(_pc: u64, code: &[u8]) -> Option<Instruction> {
        let word = u32::from_le_bytes(*code.first_chunk()?);
        Some(Instruction { encoding: Encoding::decode(word)? })
    }

    /// Bytes.
    #[expect(clippy::unused_self, reason = "other instruction sets have lengths that differ")]
    pub(crate) fn length(&self) -> usize {
        LENGTH
    }

    /// Whether [`Instruction::touches`] depends on the vector registers.
    #[expect(clippy::unused_self, reason = "other instruction sets have such instructions")]
    pub(crate) fn needs_vectors(&self) -> bool {
        false
    }

    /// The load, then the store, that it makes from this state of the registers.
    pub(crate) fn touches(&self, registers: &Registers, _: Option<&Vectors>) -> Vec<Touch> {
        let Encoding { action, size, .. } = self.encoding;
        let directions: &[Direction] = match action {
            Action::Load => &[Direction::Read],
            Action::Store | Action::StoreExclusive { .. } => &[Direction::Write],
            Action::Atomic { .. } | Action::CompareAndSwap { .. } => {
                &[Direction::Read, Direction::Write]
            }
        };
        let address = self.address(registers);
        let touch = |&direction| Touch { operand: 0, direction, address, size, lane: 0 };
        directions.iter().map(touch).collect()
    }

    fn address(&self, registers: &Registers) -> u64 {
        let Encoding { base, offset, writeback, .. } = self.encoding;
        let base = registers.get(base);
        match offset {
            _ if writeback == Writeback::Post => base,
            Offset::Immediate(offset) => base.wrapping_add_signed(offset),
            Offset::Register { register, option, shift } => {
                let value = registers.get(register);
                let extended = match option {
                    0b010 => u64::from(value as u32),
                    0b110 => i64::from(value as i32) as u64,
                    _ => value,
                };
                base.wrapping_add(extended << shift)
            }
        }
    }

    /// What tracing changes about it.
    pub(crate) fn caution(&self) -> Option<&'static str> {
        let is_exclusive = matches!(self.encoding.action, Action::StoreExclusive { .. });
        is_exclusive.then_some(
            "an exclusive store used a window: while it is traced it never succeeds, and a program \
             that repeats it until it does never ends",
        )
    }

    /// Whether it does the same thing again and again at one place.
    #[expect(clippy::unused_self, reason = "other instruction sets have such instructions")]
    pub(crate) fn is_repeated(&self) -> bool {
        false
    }
}
