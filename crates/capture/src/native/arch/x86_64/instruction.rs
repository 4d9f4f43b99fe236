//! What one instruction loads and stores.

use std::ops::Range;

use busprobe_trace::{Data, Direction};
use iced_x86::{
    Code, Decoder, DecoderOptions, InstructionInfoFactory, MemorySize, Mnemonic, OpAccess, OpKind,
    Register, UsedMemory,
};

use super::{Registers, Vectors, masks};
use crate::native::access::touch::Touch;

/// A decoded instruction at its place.
pub(crate) struct Instruction {
    pub(super) inner: iced_x86::Instruction,
    code: Vec<u8>,
    /// The operands in memory, also those that the instruction does not spell out.
    pub(super) memory: Vec<UsedMemory>,
    only_names_memory: bool,
}

impl Instruction {
    /// Decodes the instruction that `code` begins with; `None` when there is none.
    pub(crate) fn decode(pc: u64, code: &[u8]) -> Option<Instruction> {
        let inner = Decoder::with_ip(64, code, pc, DecoderOptions::NONE).decode();
        if inner.is_invalid() {
            return None;
        }
        let mut factory = InstructionInfoFactory::new();
        let named = factory.info(&inner).used_memory();
        let mut memory: Vec<UsedMemory> = named
            .iter()
            .filter(|memory| {
                memory.access() != OpAccess::NoMemAccess && !is_cache_maintenance(inner.mnemonic())
            })
            .copied()
            .collect();
        let only_names_memory = memory.is_empty() && !named.is_empty();
        if inner.mnemonic() == Mnemonic::Clzero {
            memory = vec![zeroed_line(&inner)];
        }
        let code = code[..inner.len()].to_vec();
        Some(Instruction { inner, code, memory, only_names_memory })
    }

    /// The bytes that it was decoded from.
    pub(crate) fn code(&self) -> &[u8] {
        &self.code
    }

    /// Bytes.
    pub(crate) fn length(&self) -> usize {
        self.inner.len()
    }

    /// Whether it names a place in memory and neither loads nor stores there, as `clflush`.
    pub(crate) fn only_names_memory(&self) -> bool {
        self.only_names_memory
    }

    /// Whether [`Instruction::touches`] depends on the vector registers.
    pub(crate) fn needs_vectors(&self) -> bool {
        self.inner.is_vsib() || masks::is_masked(&self.inner)
    }

    /// The loads, then the stores, that it makes from this state of the registers; of a repeated
    /// string instruction, those of one iteration. `vectors` may be absent when they are not needed.
    pub(crate) fn touches(&self, registers: &Registers, vectors: Option<&Vectors>) -> Vec<Touch> {
        let mut touches = Vec::new();
        for (operand, memory) in self.memory.iter().enumerate() {
            for (address, lane, size) in self.places(memory, registers, vectors) {
                for &direction in directions(memory.access()) {
                    touches.push(Touch { operand, direction, address, size, lane });
                }
            }
        }
        touches.sort_by_key(|touch| touch.direction == Direction::Write);
        touches
    }

    /// Address, bytes of the operand before it, and size of each part of an operand.
    fn places(
        &self,
        memory: &UsedMemory,
        registers: &Registers,
        vectors: Option<&Vectors>,
    ) -> Vec<(u64, usize, u32)> {
        let address = |element| {
            memory.try_virtual_address(element, |register, element, size| {
                if !register.is_vector_register() {
                    return registers.get(register);
                }
                let bytes = vectors?.bytes(register)?;
                let index = &bytes[element * size..][..size];
                Some(match size {
                    4 => i64::from(i32::from_le_bytes(*index.first_chunk()?)) as u64,
                    _ => u64::from_le_bytes(*index.first_chunk()?),
                })
            })
        };
        let size = self.operand_size(memory);
        if memory.vsib_size() > 0 {
            return masks::elements(&self.inner, memory, vectors)
                .filter_map(|element| Some((address(element)?, element * size, size as u32)))
                .collect();
        }
        let Some(mut start) =
            address(0).map(|start| start.wrapping_add(self.bit_string(registers)))
        else {
            return Vec::new();
        };
        if self.zeroes_line() {
            // Any address in the line names it.
            start -= start % size as u64;
        }
        if size == 0 {
            return vec![(start, 0, 0)];
        }
        let runs = if masks::is_masked(&self.inner) {
            masks::runs(&self.inner, memory, vectors)
        } else {
            vec![Range { start: 0, end: size }]
        };
        runs.into_iter()
            .flat_map(|run| {
                // The trace's accesses are no wider than the widest register.
                let end = run.end;
                run.step_by(Data::MAX).map(move |lane| (lane, (end - lane).min(Data::MAX)))
            })
            .map(|(lane, size)| (start.wrapping_add(lane as u64), lane, size as u32))
            .collect()
    }

    /// Bytes of an operand; of a repeated instruction, those of one iteration.
    pub(super) fn operand_size(&self, memory: &UsedMemory) -> usize {
        // For a repeated instruction the decoder leaves open how much it is in all.
        let size = if self.is_repeated() { self.inner.memory_size() } else { memory.memory_size() };
        size.size()
    }

    /// `bt [m], r` and its relatives address a string of bits: the register moves the address.
    pub(super) fn is_bit_string(&self) -> bool {
        let is_bit_test = matches!(
            self.inner.mnemonic(),
            Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc
        );
        is_bit_test && self.inner.op1_kind() == OpKind::Register
    }

    /// `clzero`, whose operand is the line of 64 bytes that rax points into.
    pub(super) fn zeroes_line(&self) -> bool {
        self.inner.mnemonic() == Mnemonic::Clzero
    }

    fn bit_string(&self, registers: &Registers) -> u64 {
        if !self.is_bit_string() {
            return 0;
        }
        let register = self.inner.op1_register();
        let bits = registers.get(register).unwrap_or_default();
        let (bit, width) = match register.size() {
            2 => (i64::from(bits as i16), 16),
            4 => (i64::from(bits as i32), 32),
            _ => (bits as i64, 64),
        };
        (bit.div_euclid(width) * (width / 8)) as u64
    }

    /// What tracing changes about it.
    pub(crate) fn caution(&self) -> Option<&'static str> {
        let saves_flags = matches!(self.inner.mnemonic(), Mnemonic::Pushfq | Mnemonic::Pushf);
        saves_flags.then_some(
            "flags were pushed to a window: what was stored has the trap flag, which is the \
             capture's own",
        )
    }

    /// Whether it does the same thing again and again at one place: `rep movsb`.
    pub(crate) fn is_repeated(&self) -> bool {
        self.inner.is_string_instruction()
            && (self.inner.has_rep_prefix() || self.inner.has_repne_prefix())
    }
}

/// The decoder does not tell of the store that `clzero` is: AMD's manual, volume 3.
fn zeroed_line(clzero: &iced_x86::Instruction) -> UsedMemory {
    let base = if clzero.code() == Code::Clzeroq { Register::RAX } else { Register::EAX };
    let (none, size) = (Register::None, MemorySize::UInt512);
    UsedMemory::new(Register::DS, base, none, 1, 0, size, OpAccess::Write)
}

/// These name a place in memory and neither load nor store there.
fn is_cache_maintenance(mnemonic: Mnemonic) -> bool {
    use Mnemonic as M;
    matches!(mnemonic, M::Clflush | M::Clflushopt | M::Clwb | M::Cldemote)
}

fn directions(access: OpAccess) -> &'static [Direction] {
    match access {
        OpAccess::Read | OpAccess::CondRead => &[Direction::Read],
        OpAccess::Write | OpAccess::CondWrite => &[Direction::Write],
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => &[Direction::Read, Direction::Write],
        OpAccess::None | OpAccess::NoMemAccess => &[],
    }
}
