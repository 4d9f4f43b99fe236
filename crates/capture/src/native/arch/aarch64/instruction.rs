//! What one instruction loads and stores.

use std::arch::asm;

use busprobe_trace::{Data, Direction};

use super::encoding::{Action, Encoding, Offset, Transfer, Writeback};
use super::{Registers, Vectors};
use crate::native::access::touch::Touch;

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
        let mut encoding = Encoding::decode(word)?;
        if encoding.transfer == Transfer::Zeros {
            encoding.size = zeroed_block();
        }
        Some(Instruction { encoding })
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
            Action::Maintain => &[],
            Action::Load | Action::LoadExclusive => &[Direction::Read],
            Action::Store | Action::StoreExclusive { .. } => &[Direction::Write],
            Action::Atomic { .. } | Action::CompareAndSwap { .. } => {
                &[Direction::Read, Direction::Write]
            }
        };
        let address = self.address(registers);
        // The trace's accesses are no wider than the widest register.
        let most = Data::MAX as u32;
        let parts = (0..size).step_by(Data::MAX).flat_map(|lane| {
            let touch = move |&direction| Touch {
                operand: 0,
                direction,
                address: address.wrapping_add(lane.into()),
                size: (size - lane).min(most),
                lane: lane as usize,
            };
            directions.iter().map(touch)
        });
        parts.collect()
    }

    /// Whether it names a place in memory and neither loads nor stores there.
    pub(crate) fn only_names_memory(&self) -> bool {
        self.encoding.action == Action::Maintain
    }

    fn address(&self, registers: &Registers) -> u64 {
        let Encoding { base, offset, writeback, transfer, size, .. } = self.encoding;
        let base = registers.get(base);
        match offset {
            // Any address in the block names it.
            _ if transfer == Transfer::Zeros => base & !u64::from(size - 1),
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

    /// Whether a store may depend on it.
    pub(crate) fn is_load_exclusive(&self) -> bool {
        self.encoding.action == Action::LoadExclusive
    }

    /// What tracing changes about it.
    pub(crate) fn caution(&self) -> Option<&'static str> {
        let is_exclusive = matches!(self.encoding.action, Action::StoreExclusive { .. });
        is_exclusive.then_some(
            "an exclusive store used a window apart from the load before it: while it is traced it \
             never succeeds, and a program that repeats it until it does never ends",
        )
    }

    /// Whether it does the same thing again and again at one place.
    #[expect(clippy::unused_self, reason = "other instruction sets have such instructions")]
    pub(crate) fn is_repeated(&self) -> bool {
        false
    }
}

/// Bytes that `dc zva` makes zero: `DCZID_EL0`, Arm's Architecture Reference Manual, section D19.2.
fn zeroed_block() -> u32 {
    let words: u64;
    // SAFETY: the register can be read at every exception level, and reading it has no effect.
    unsafe { asm!("mrs {}, dczid_el0", out(reg) words, options(nomem, nostack, preserves_flags)) };
    4 << (words & 15)
}
