//! A copy of an instruction, to be run in its place.
//!
//! The trap flag has the CPU raise a debug exception, which is slow: under a hypervisor it is most
//! of what a step costs. A breakpoint behind a copy is not, and a copy that goes back by itself
//! needs nobody to wait for it.

use iced_x86::{FlowControl, Mnemonic, OpAccess, OpKind, Register};

use super::data::is_plain_move;
use super::{Instruction, Registers};
use crate::native::access::touch::{Move, Touch};

/// Bytes of the code of one instruction's copies.
pub(crate) const SIZE: usize = 64;
/// Where in it the copy begins that goes back; before it lies the one with a breakpoint behind.
const RETURNING: usize = 16;

/// The distance by which the base register may be moved for the second copy: one bit, which is the
/// 32nd from below when the bytes are in reverse.
pub(crate) const RETURNABLE: i64 = 1 << 39;

const BREAKPOINT: u8 = 0xcc;

/// An instruction's copies, at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detour {
    at: u64,
}

impl Detour {
    /// The copies of an instruction, whose code lies at `at`.
    pub(crate) fn new(at: u64) -> Detour {
        Detour { at }
    }

    /// Where the copy begins that ends at a breakpoint.
    pub(crate) fn stopping(self) -> u64 {
        self.at
    }

    /// Where the copy begins that goes back by itself.
    pub(crate) fn returning(self) -> u64 {
        self.at + RETURNING as u64
    }

    /// Whether the instruction or what leads back from it is at `pc`.
    pub(crate) fn has(self, pc: u64) -> bool {
        (self.at..self.at + SIZE as u64).contains(&pc)
    }
}

/// `bswap`, `lea` and `bswap` again: they clear the bit [`RETURNABLE`], which is set, and leave
/// the flags as they are.
fn clear_bit(register: Register) -> Vec<u8> {
    let number = register.number() as u8;
    let (high, low) = (number >> 3, number & 7);
    let swap = [0x48 | high, 0x0f, 0xc8 | low];
    // That of r12 takes another byte.
    let operand: &[u8] = if low == 4 { &[0xa4, 0x24] } else { &[0x80 | low << 3 | low] };
    let distance = i32::MIN.to_le_bytes();
    let load = [0x48 | high << 2 | high, 0x8d];
    [&swap[..], &load, operand, &distance, &swap].concat()
}

impl Instruction {
    /// Whether copies of it do the same.
    pub(crate) fn may_run_elsewhere(&self) -> bool {
        let inner = &self.inner;
        inner.flow_control() == FlowControl::Next
            && !inner.is_ip_rel_memory_operand()
            && !inner.is_stack_instruction()
            && !inner.op0_register().is_segment_register()
            && !self.is_emulated()
            // The trap flag stops it after each element.
            && !self.is_repeated()
            && self.memory.iter().all(|memory| memory.base() != Register::RSP)
    }

    /// The code of its copies, see [`Detour`].
    pub(crate) fn detour(&self) -> [u8; SIZE] {
        let code = self.code();
        let mut all = [BREAKPOINT; SIZE];
        all[..code.len()].copy_from_slice(code);
        let base = self.memory[0].base();
        if !base.is_gpr64() {
            return all;
        }
        // `jmp [rip]`, and the address behind it.
        let back = [0xff, 0x25, 0, 0, 0, 0];
        let next = self.inner.next_ip().to_le_bytes();
        let returning = [code, &clear_bit(base), &back, &next].concat();
        all[RETURNING..][..returning.len()].copy_from_slice(&returning);
        all
    }

    /// The registers with its base register moved by [`RETURNABLE`]; `None` when the second copy
    /// would not move it back.
    pub(crate) fn move_out(&self, registers: &Registers) -> Option<Registers> {
        let base = registers.get(self.memory[0].base())?;
        let is_clear = base & RETURNABLE as u64 == 0;
        let moves = [Move { operand: 0, distance: RETURNABLE }];
        is_clear.then(|| self.move_bases(registers, &moves)).flatten().map(|moved| moved.start)
    }

    /// Whether it does nothing but to store what is in a register or in itself, by one register
    /// that has the address.
    pub(crate) fn only_stores(&self, touches: &[Touch], before: &Registers) -> bool {
        let ([touch], [memory]) = (touches, self.memory.as_slice()) else { return false };
        is_plain_move(self.inner.mnemonic())
            && !matches!(self.inner.mnemonic(), Mnemonic::Vmaskmovps | Mnemonic::Vmaskmovpd)
            && !matches!(self.inner.mnemonic(), Mnemonic::Vpmaskmovd | Mnemonic::Vpmaskmovq)
            && !self.inner.has_op_mask()
            // Only the first MMX instruction puts these where they are looked for.
            && !self.inner.op1_register().is_mm()
            && self.inner.op0_kind() == OpKind::Memory
            && memory.access() == OpAccess::Write
            && memory.base().is_gpr64()
            && self.shows(touch, before)
    }
}
