//! How to run an instruction on aliases, worked out once for all its runs.
//!
//! What is decided here by looking at the instruction, [`Instruction::redirect`] decides for one
//! run of it; this says nothing of the rarer instructions. Using it allocates nothing.

use std::ops::Range;

use iced_x86::{CodeSize, FlowControl, OpAccess, Register, UsedMemory};

use super::redirect::{Afterwards, value};
use super::{Instruction, Registers};

/// Its base registers hold nothing but addresses, and each is the base of one operand. It does the
/// same wherever it lies.
#[derive(Clone, Copy)]
pub(crate) struct Shift {
    operands: [Option<Operand>; 2],
    /// The vector register that shows what was loaded or stored.
    pub(crate) shown_in: Option<Register>,
}

#[derive(Clone, Copy)]
struct Operand {
    base: Register,
    index: Option<Register>,
    scale: u64,
    displacement: u64,
    size: u64,
    afterwards: Afterwards,
}

/// Where the bytes of an operand lie.
pub(crate) enum Place {
    /// In no window.
    Elsewhere,
    /// In a window whose alias is so far away.
    Window(i64),
    /// In part.
    Across,
}

/// How far the base register of each operand was moved.
pub(crate) type Distances = [Option<i64>; 2];

impl Operand {
    fn of(instruction: &Instruction, memory: &UsedMemory) -> Option<Operand> {
        let inner = &instruction.inner;
        let (base, index) = (memory.base(), memory.index());
        let is_plain = base.is_gpr64()
            && (index == Register::None || index.is_gpr64() && index != base)
            && !matches!(memory.segment(), Register::FS | Register::GS)
            && inner.code_size() == CodeSize::Code64
            && memory.vsib_size() == 0
            && memory.access() != OpAccess::None;
        let size = instruction.operand_size(memory);
        if !is_plain || size == 0 || size > busprobe_trace::Data::MAX {
            return None;
        }
        Some(Operand {
            base,
            index: (index != Register::None).then_some(index),
            scale: memory.scale().into(),
            displacement: memory.displacement(),
            size: size as u64,
            afterwards: instruction.only_an_address(base)?,
        })
    }

    fn range(&self, registers: &Registers) -> Range<u64> {
        let index = self.index.map_or(0, |index| value(registers, index).wrapping_mul(self.scale));
        let start = value(registers, self.base).wrapping_add(index).wrapping_add(self.displacement);
        start..start.wrapping_add(self.size)
    }
}

impl Shift {
    /// `None` for an instruction that takes more than adding to its base registers.
    pub(crate) fn of(instruction: &Instruction) -> Option<Shift> {
        let goes_on = instruction.inner.flow_control() == FlowControl::Next;
        let is_plain = goes_on
            && !instruction.is_repeated()
            && !instruction.is_bit_string()
            && !instruction.zeroes_line();
        if !is_plain || instruction.needs_vectors() {
            return None;
        }
        let operands = match instruction.memory.as_slice() {
            [only] => [Some(Operand::of(instruction, only)?), None],
            [first, second] => {
                let both = [Operand::of(instruction, first)?, Operand::of(instruction, second)?];
                let [a, b] = &both;
                let are_apart =
                    a.base != b.base && a.index != Some(b.base) && b.index != Some(a.base);
                if !are_apart {
                    return None;
                }
                both.map(Some)
            }
            _ => return None,
        };
        Some(Shift { operands, shown_in: instruction.shown_in() })
    }

    /// The registers to run it with, and how far each operand is moved; `None` when no operand
    /// lies in a window, or one of them only in part.
    pub(crate) fn start(
        &self,
        before: &Registers,
        place: impl Fn(&Range<u64>) -> Place,
    ) -> Option<(Registers, Distances)> {
        let (mut start, mut distances) = (*before, [None; 2]);
        for (operand, distance) in self.operands.iter().zip(&mut distances) {
            let Some(operand) = operand else { continue };
            match place(&operand.range(before)) {
                Place::Elsewhere => {}
                Place::Across => return None,
                Place::Window(far) => {
                    *distance = Some(far);
                    start.set(operand.base, value(before, operand.base).wrapping_add_signed(far));
                }
            }
        }
        distances.iter().any(Option::is_some).then_some((start, distances))
    }

    /// Makes the registers after the run what they would be without the move.
    pub(crate) fn settle(&self, distances: Distances, before: &Registers, after: &mut Registers) {
        for (operand, distance) in self.operands.iter().zip(distances) {
            let (Some(operand), Some(distance)) = (operand, distance) else { continue };
            operand.afterwards.settle(operand.base, distance, before, after);
        }
    }

    /// The place of the operand that was not moved, if there is one: an instruction that copies
    /// from memory to memory has the same bytes there.
    pub(crate) fn other_operand(
        &self,
        distances: Distances,
        before: &Registers,
    ) -> Option<Range<u64>> {
        let mut both = self.operands.iter().zip(distances);
        both.find_map(|(operand, distance)| {
            let operand = operand.as_ref()?;
            distance.is_none().then(|| operand.range(before))
        })
    }
}
