//! Running an instruction once with an operand moved from the window to its alias.
//!
//! Usually the operand's base register is moved by the distance and moved back afterwards. Where
//! that would change more than the address (`mov [rax], rax`) or there is no base register, the
//! instruction is encoded anew with another register for its address, and runs elsewhere.

use iced_x86::{
    Decoder, DecoderOptions, Encoder, FlowControl, InstructionInfoFactory, Mnemonic, OpAccess,
    OpKind, Register,
};

use super::{Instruction, Registers};
use crate::native::access::touch::Move;

/// Candidates for the address of an instruction encoded anew. The first need no prefix, which
/// instructions on `ah` to `dh` cannot have.
const SCRATCH: [Register; 15] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RBX,
    Register::RSI,
    Register::RDI,
    Register::RBP,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// A way to run an instruction once.
pub(crate) struct Redirect {
    /// The registers to run it with.
    pub(crate) start: Registers,
    /// What to put at the stub before, when it does not run at its own place; whole words.
    pub(crate) code: Option<Vec<u8>>,
    settle: Settle,
}

enum Settle {
    /// These registers were moved by so much.
    MoveBack(Vec<Moved>),
    /// This register held the address; the program counter comes from the stub.
    Return { scratch: Register, stub_end: u64, next: u64 },
}

struct Moved {
    register: Register,
    distance: i64,
    afterwards: Afterwards,
}

/// What the instruction itself does to a register that was moved.
#[derive(Clone, Copy)]
pub(super) enum Afterwards {
    /// Nothing.
    Unchanged,
    /// It advances the pointer.
    Advanced,
    /// It loads into as many of its low bytes.
    Loaded(usize),
}

impl Afterwards {
    /// Takes the distance out of the register again, where it still is in it.
    pub(super) fn settle(
        self,
        register: Register,
        distance: i64,
        before: &Registers,
        after: &mut Registers,
    ) {
        let (old, new) = (value(before, register), value(after, register));
        let settled = match self {
            Afterwards::Unchanged => old,
            Afterwards::Advanced => new.wrapping_add_signed(-distance),
            Afterwards::Loaded(size @ (1 | 2)) => {
                let mask = (1 << (8 * size)) - 1;
                old & !mask | new & mask
            }
            Afterwards::Loaded(_) => new,
        };
        after.set(register, settled);
    }
}

impl Redirect {
    /// Makes the registers after the run what they would be without the move.
    pub(crate) fn settle(&self, before: &Registers, after: &mut Registers) {
        match &self.settle {
            Settle::MoveBack(all) => {
                for &Moved { register, distance, afterwards } in all {
                    afterwards.settle(register, distance, before, after);
                }
            }
            &Settle::Return { scratch, stub_end, next } => {
                after.set(scratch, value(before, scratch));
                // One further is behind a breakpoint: what the kernel emulates does not end a step.
                if (stub_end..=stub_end + 1).contains(&after.pc()) {
                    after.set_pc(next);
                }
            }
        }
    }
}

pub(super) fn value(registers: &Registers, register: Register) -> u64 {
    registers.get(register).unwrap_or_default()
}

impl Instruction {
    /// How to run it with the operands of `moves` moved and no other; `None` when neither way
    /// serves. `stub` is where an instruction encoded anew would lie.
    pub(crate) fn redirect(
        &self,
        registers: &Registers,
        moves: &[Move],
        stub: u64,
    ) -> Option<Redirect> {
        let in_place = if self.is_emulated() { None } else { self.move_bases(registers, moves) };
        in_place.or_else(|| self.encode_anew(registers, moves, stub))
    }

    /// Whether the kernel may do it in the CPU's place (UMIP, arch/x86/kernel/umip.c), and then not
    /// stop after it.
    pub(super) fn is_emulated(&self) -> bool {
        use Mnemonic as M;
        matches!(self.inner.mnemonic(), M::Sgdt | M::Sidt | M::Sldt | M::Smsw | M::Str)
    }

    pub(super) fn move_bases(&self, registers: &Registers, moves: &[Move]) -> Option<Redirect> {
        let mut start = *registers;
        let mut bases: Vec<Moved> = Vec::new();
        for &Move { operand, distance } in moves {
            let base = self.memory[operand].base();
            if bases.iter().any(|moved| moved.register == base && moved.distance == distance) {
                continue;
            }
            let moves_all = self.memory.iter().enumerate().all(|(other, memory)| {
                memory.index().full_register() != base
                    && (memory.base().full_register() != base
                        || moves.contains(&Move { operand: other, distance }))
            });
            if !moves_all || !base.is_gpr64() {
                return None;
            }
            let afterwards = self.only_an_address(base)?;
            start.set(base, value(registers, base).wrapping_add_signed(distance));
            bases.push(Moved { register: base, distance, afterwards });
        }
        Some(Redirect { start, code: None, settle: Settle::MoveBack(bases) })
    }

    /// What happens to `base`, if the instruction uses its value for nothing but an address.
    pub(super) fn only_an_address(&self, base: Register) -> Option<Afterwards> {
        let inner = &self.inner;
        let operands = || (0..inner.op_count()).map(|operand| inner.op_kind(operand));
        if inner.is_string_instruction() {
            return Some(Afterwards::Advanced);
        }
        if self.zeroes_line() {
            return Some(Afterwards::Unchanged);
        }
        if operands().any(|kind| kind == OpKind::MemorySegRDI) && base == Register::RDI {
            return Some(Afterwards::Unchanged);
        }
        let is_stack = matches!(
            inner.mnemonic(),
            Mnemonic::Push | Mnemonic::Pop | Mnemonic::Call | Mnemonic::Ret
        );
        if is_stack && base == Register::RSP {
            let names_it = inner.op0_register().full_register() == Register::RSP;
            return (!names_it).then_some(Afterwards::Advanced);
        }
        if !operands().any(|kind| kind == OpKind::Memory) || inner.memory_base() != base {
            return None;
        }
        // The same instruction with another base tells what else the register is used for.
        let other = SCRATCH.into_iter().find(|&other| !self.uses(other))?;
        let mut without = *inner;
        without.set_memory_base(other);
        let mut afterwards = Afterwards::Unchanged;
        let mut factory = InstructionInfoFactory::new();
        for used in factory.info(&without).used_registers() {
            if used.register().full_register() != base {
                continue;
            }
            if used.access() != OpAccess::Write {
                return None;
            }
            afterwards = Afterwards::Loaded(used.register().size());
        }
        let high_byte = matches!(
            inner.op0_register(),
            Register::AH | Register::BH | Register::CH | Register::DH
        );
        (!high_byte).then_some(afterwards)
    }

    fn uses(&self, register: Register) -> bool {
        let mut factory = InstructionInfoFactory::new();
        let info = factory.info(&self.inner);
        info.used_registers().iter().any(|used| used.register().full_register() == register)
            || self.inner.memory_index().full_register() == register
            || self.inner.memory_base().full_register() == register
    }

    fn encode_anew(&self, registers: &Registers, moves: &[Move], stub: u64) -> Option<Redirect> {
        let inner = &self.inner;
        let [Move { operand: 0, distance }] = *moves else { return None };
        let [memory] = self.memory.as_slice() else { return None };
        let is_spelled_out =
            (0..inner.op_count()).any(|operand| inner.op_kind(operand) == OpKind::Memory);
        if !is_spelled_out || inner.flow_control() != FlowControl::Next {
            return None;
        }
        let mut anew = *inner;
        let address = if inner.is_vsib() {
            registers.get(inner.memory_base()).unwrap_or_default()
        } else {
            anew.set_memory_index(Register::None);
            anew.set_memory_index_scale(1);
            anew.set_memory_displacement64(0);
            anew.set_memory_displ_size(0);
            anew.set_segment_prefix(Register::None);
            memory.try_virtual_address(0, |register, _, _| registers.get(register))?
        };
        let (scratch, mut code) =
            SCRATCH.into_iter().filter(|&scratch| !self.uses(scratch)).find_map(|scratch| {
                anew.set_memory_base(scratch);
                Some((scratch, encode(&anew, stub)?))
            })?;
        let mut start = *registers;
        start.set(scratch, address.wrapping_add_signed(distance));
        start.set_pc(stub);
        let stub_end = stub + code.len() as u64;
        code.resize(code.len().next_multiple_of(8), 0xcc);
        let settle = Settle::Return { scratch, stub_end, next: inner.next_ip() };
        Some(Redirect { start, code: Some(code), settle })
    }
}

/// The bytes, if they decode to the same instruction again.
fn encode(instruction: &iced_x86::Instruction, at: u64) -> Option<Vec<u8>> {
    let mut encoder = Encoder::new(64);
    encoder.encode(instruction, at).ok()?;
    let code = encoder.take_buffer();
    let again = Decoder::with_ip(64, &code, at, DecoderOptions::NONE).decode();
    let is_same = again.code() == instruction.code()
        && again.memory_base() == instruction.memory_base()
        && again.memory_index() == instruction.memory_index();
    is_same.then_some(code)
}
