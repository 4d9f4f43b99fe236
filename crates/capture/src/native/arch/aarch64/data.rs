//! What was loaded or stored, from the registers before and after.

use busprobe_trace::{Data, Direction};

use super::encoding::{Action, Operation, Register, Transfer};
use super::{Instruction, Registers, Vectors};
use crate::native::access::touch::Touch;

/// What the value of an access can be told from, once its instruction has run.
pub(crate) struct Evidence<'a> {
    /// The registers as the instruction found them.
    pub(crate) before: &'a Registers,
    /// The registers as it left them.
    pub(crate) after: &'a Registers,
    /// The vector registers as it left them, if [`Instruction::shows_in_vectors`].
    pub(crate) vectors: Option<&'a Vectors>,
    /// Reads ordinary memory: address, size.
    #[expect(dead_code, reason = "no instruction here moves from memory to memory")]
    pub(crate) memory: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>,
}

impl Instruction {
    /// Whether [`Instruction::data`] looks at the vector registers.
    pub(crate) fn shows_in_vectors(&self) -> bool {
        !matches!(self.encoding.transfer, Transfer::General { .. } | Transfer::Zeros)
    }

    /// What the access carried; `None` when that cannot be known.
    pub(crate) fn data(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Data> {
        let bytes = match (self.encoding.action, touch.direction) {
            (Action::Maintain, _) => return None,
            (Action::Load | Action::LoadExclusive, _) => {
                self.transferred(evidence.after, evidence.vectors)?
            }
            (Action::Store | Action::StoreExclusive { .. }, _) => {
                self.transferred(evidence.before, evidence.vectors)?
            }
            (Action::Atomic { .. }, Direction::Read) => {
                self.transferred(evidence.after, None).filter(|_| self.shows_old_value())?
            }
            (Action::Atomic { operation, operand }, Direction::Write) => {
                let operand = evidence.before.get(operand);
                if operation == Operation::Swap {
                    operand.to_le_bytes().to_vec()
                } else {
                    let old = self.transferred(evidence.after, None);
                    let old = old.filter(|_| self.shows_old_value())?;
                    let old = u64::from_le_bytes(*old.first_chunk()?);
                    operation.apply(old, operand, self.encoding.size).to_le_bytes().to_vec()
                }
            }
            (Action::CompareAndSwap { expected }, direction) => {
                let found = self.general(evidence.after, &expected);
                let is_same = found == self.general(evidence.before, &expected);
                match direction {
                    Direction::Read => found,
                    // When it differs, whether the CPU writes it back is its own affair.
                    Direction::Write if is_same => self.transferred(evidence.before, None)?,
                    Direction::Write => return None,
                }
            }
        };
        Some(Data::new(bytes.get(..touch.size as usize)?))
    }

    /// Whether it made its access at all.
    pub(crate) fn has_made(&self, after: &Registers) -> bool {
        match self.encoding.action {
            Action::StoreExclusive { status } => after.get(status) == 0,
            _ => true,
        }
    }

    /// Whether an atomic operation leaves what it read in a register.
    fn shows_old_value(&self) -> bool {
        !matches!(self.encoding.transfer, Transfer::General { registers: [Register::Zero, _], .. })
    }

    fn general(&self, registers: &Registers, from: &[Register]) -> Vec<u8> {
        let Transfer::General { count, .. } = self.encoding.transfer else { return Vec::new() };
        let each = self.encoding.size as usize / usize::from(count);
        let mut bytes = Vec::with_capacity(16);
        for &register in &from[..usize::from(count)] {
            let value = registers.get(register).to_le_bytes();
            bytes.extend_from_slice(&value[..each]);
        }
        // A single value as wide as a register, for arithmetic.
        bytes.resize(bytes.len().max(8), 0);
        bytes
    }

    /// What the registers that data moves from or to have, in the order of memory.
    fn transferred(&self, registers: &Registers, vectors: Option<&Vectors>) -> Option<Vec<u8>> {
        match self.encoding.transfer {
            Transfer::Zeros => Some(vec![0; Data::MAX]),
            Transfer::General { registers: from, .. } => Some(self.general(registers, &from)),
            Transfer::VectorPair { registers: pair } => {
                let each = self.encoding.size as usize / 2;
                let half = |number: u8| Some(vectors?.bytes(number).get(..each)?.to_vec());
                Some([half(pair[0])?, half(pair[1])?].concat())
            }
            Transfer::Vectors { first, count, each, element } => {
                let mut bytes = Vec::with_capacity(64);
                // Whole registers follow one another; interleaved ones go element by element.
                let (rows, columns) =
                    if element == each { (count, 1) } else { (1, each / element) };
                for row in 0..rows {
                    for column in 0..columns {
                        let registers = if rows == 1 { 0..count } else { row..row + 1 };
                        for register in registers {
                            let start = usize::from(column * element);
                            let source = vectors?.bytes((first + register) % 32);
                            bytes.extend_from_slice(
                                source.get(start..start + usize::from(element))?,
                            );
                        }
                    }
                }
                Some(bytes)
            }
            Transfer::Lane { first, count, element, index } => {
                let mut bytes = Vec::with_capacity(32);
                for register in 0..count {
                    let start = usize::from(index) * usize::from(element);
                    let source = vectors?.bytes((first + register) % 32);
                    bytes.extend_from_slice(source.get(start..start + usize::from(element))?);
                }
                Some(bytes)
            }
        }
    }
}

impl Operation {
    /// What is stored, of which the low `size` bytes count.
    fn apply(self, old: u64, operand: u64, size: u32) -> u64 {
        let shift = 64 - 8 * size;
        let (high_old, high_operand) = (old << shift, operand << shift);
        let signed = |first: bool| if first { old } else { operand };
        match self {
            Operation::Add => old.wrapping_add(operand),
            Operation::Clear => old & !operand,
            Operation::ExclusiveOr => old ^ operand,
            Operation::Set => old | operand,
            Operation::SignedMaximum => signed(high_old as i64 >= high_operand as i64),
            Operation::SignedMinimum => signed(high_old as i64 <= high_operand as i64),
            Operation::UnsignedMaximum => signed(high_old >= high_operand),
            Operation::UnsignedMinimum => signed(high_old <= high_operand),
            Operation::Swap => operand,
        }
    }
}
