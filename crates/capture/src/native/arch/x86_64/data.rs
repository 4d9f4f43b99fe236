//! What was loaded or stored, from the registers before and after.
//!
//! Only what is certain: an instruction that is not named here has unknown data.

use std::ops::Range;

use busprobe_trace::{Data, Direction};
use iced_x86::{
    ConditionCode, CpuidFeature, EncodingKind, MemorySize, Mnemonic as M, OpKind, Register,
};

use super::{Instruction, Registers, Vectors, masks};
use crate::native::access::touch::Touch;

/// The carry flag.
const CARRY: u64 = 1;
/// The zero flag.
pub(super) const ZERO: u64 = 1 << 6;

/// What the value of an access can be told from, once its instruction has run.
pub(crate) struct Evidence<'a> {
    /// The registers as the instruction found them.
    pub(crate) before: &'a Registers,
    /// The registers as it left them.
    pub(crate) after: &'a Registers,
    /// The vector registers as it left them, if [`Instruction::shows_in_vectors`].
    pub(crate) vectors: Option<&'a Vectors>,
    /// Reads ordinary memory: address, size.
    pub(crate) memory: &'a dyn Fn(u64, usize) -> Option<Vec<u8>>,
}

impl Evidence<'_> {
    /// All bytes of a register; vector registers as they are afterwards.
    fn register(&self, registers: &Registers, register: Register) -> Option<Vec<u8>> {
        match registers.get(register) {
            // Of a segment, the base is known, not what an instruction moves.
            _ if register.is_segment_register() => None,
            Some(value) => Some(value.to_le_bytes().to_vec()),
            None => Some(self.vectors?.bytes(register)?.to_vec()),
        }
    }

    fn before(&self, register: Register) -> Option<Vec<u8>> {
        self.register(self.before, register)
    }

    fn after(&self, register: Register) -> Option<Vec<u8>> {
        self.register(self.after, register)
    }

    /// What `cmpxchg8b` and `cmpxchg16b` take two registers for.
    fn pair(registers: &Registers, size: u32, low_high: [Register; 2]) -> Option<Vec<u8>> {
        let half = size as usize / 2;
        let mut bytes = Vec::with_capacity(16);
        for register in low_high {
            bytes.extend_from_slice(&registers.get(register)?.to_le_bytes()[..half]);
        }
        Some(bytes)
    }

    /// Whether a compare-exchange found what it compared with.
    fn has_exchanged(&self) -> bool {
        self.after.flags() & ZERO != 0
    }
}

impl Instruction {
    /// Whether [`Instruction::data`] looks at the vector registers.
    pub(crate) fn shows_in_vectors(&self) -> bool {
        (0..self.inner.op_count()).any(|operand| {
            let register = self.inner.op_register(operand);
            self.inner.op_kind(operand) == OpKind::Register
                && (register.is_vector_register() || register.is_mm())
        }) || self.is_extended_load()
    }

    /// Whether it loads the whole of an x87 register, which then has the same bits.
    fn is_extended_load(&self) -> bool {
        self.inner.mnemonic() == M::Fld && self.inner.memory_size() == MemorySize::Float80
    }

    /// The vector register that [`Instruction::data`] looks at, for an instruction that only loads
    /// or only stores.
    pub(crate) fn shown_in(&self) -> Option<Register> {
        let loads = || self.inner.op0_kind() == OpKind::Register;
        let register = if loads() { self.inner.op0_register() } else { self.source_register()? };
        (register.is_vector_register() || register.is_mm()).then_some(register)
    }

    /// Whether [`Instruction::data`] will tell what the access carried, whatever that is.
    pub(crate) fn shows(&self, touch: &Touch, before: &Registers) -> bool {
        let memory = |_, size| Some(vec![0; size]);
        let vectors = Some(&Vectors::blank());
        self.data(touch, &Evidence { before, after: before, vectors, memory: &memory }).is_some()
    }

    /// Whether its data may be seen by other means: what is locked or stores the flags may not run
    /// twice or in pieces.
    pub(crate) fn may_be_probed(&self) -> bool {
        let is_expansion = masks::is_packed(&self.inner) && self.inner.op0_kind() != OpKind::Memory;
        !self.inner.has_lock_prefix() && self.caution().is_none() && !is_expansion
    }

    /// Whether the x87 unit runs it, which raises an exception of an earlier one first.
    pub(crate) fn is_x87(&self) -> bool {
        self.inner.cpuid_features().contains(&CpuidFeature::FPU)
    }

    /// Whether it made its accesses at all.
    #[expect(clippy::unused_self, reason = "other instruction sets have such that may not")]
    pub(crate) fn has_made(&self, _after: &Registers) -> bool {
        true
    }

    /// Whether it may fault for the alignment of what it loads from these places; which of the
    /// older vector instructions do differs from CPU to CPU.
    pub(crate) fn may_refuse(&self, mut places: impl Iterator<Item = u64>) -> bool {
        const OPERAND: usize = 16;
        self.inner.encoding() == EncodingKind::Legacy
            && self.inner.memory_size().size() == OPERAND
            && places.any(|place| !place.is_multiple_of(OPERAND as u64))
    }

    /// Whether it stores what it loads, elsewhere.
    pub(crate) fn copies(&self) -> bool {
        matches!(self.inner.mnemonic(), M::Push | M::Pop)
            || matches!(self.inner.mnemonic(), M::Movsb | M::Movsw | M::Movsd | M::Movsq)
                && self.inner.is_string_instruction()
    }

    /// The addresses of the operand that a touch is a part of; `None` when it is no single block.
    pub(crate) fn operand(&self, touch: &Touch) -> Option<Range<u64>> {
        let memory = &self.memory[touch.operand];
        let is_masked = masks::is_masked(&self.inner);
        if memory.vsib_size() > 0 || !is_masked && touch.lane > 0 {
            return None;
        }
        let size = if is_masked { memory.memory_size().size() as u64 } else { touch.size.into() };
        let start = touch.address.wrapping_sub(touch.lane as u64);
        Some(start..start.checked_add(size)?)
    }

    /// What the access carried; `None` when that cannot be known.
    pub(crate) fn data(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Data> {
        if let Some(value) = self.left_zero(touch.direction, evidence) {
            return Some(Data::new(value.to_le_bytes().get(..touch.size as usize)?));
        }
        let bytes = match touch.direction {
            Direction::Read => self.loaded(touch, evidence)?,
            Direction::Write => self.stored(touch, evidence)?,
        };
        Some(Data::new(bytes.get(..touch.size as usize)?))
    }

    /// What a locked instruction stored, zero by its flags, or loaded, which follows from that.
    fn left_zero(&self, direction: Direction, evidence: &Evidence<'_>) -> Option<u64> {
        let is_zero = evidence.after.flags() & ZERO != 0;
        if !self.inner.has_lock_prefix() || !is_zero {
            return None;
        }
        let operand = || match self.inner.op1_kind() {
            OpKind::Register => evidence.before.get(self.inner.op1_register()),
            _ => self.inner.try_immediate(1).ok(),
        };
        let carry = evidence.before.flags() & CARRY;
        let loaded = match self.inner.mnemonic() {
            M::Add => operand()?.wrapping_neg(),
            M::Adc => operand()?.wrapping_add(carry).wrapping_neg(),
            M::Sub | M::Xor => operand()?,
            M::Sbb => operand()?.wrapping_add(carry),
            M::Inc => u64::MAX,
            M::Dec => 1,
            M::Or | M::Neg => 0,
            M::And if direction == Direction::Write => 0,
            _ => return None,
        };
        Some(if direction == Direction::Read { loaded } else { 0 })
    }

    fn stored(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Vec<u8>> {
        let mnemonic = self.inner.mnemonic();
        let source = || evidence.before(self.source_register()?);
        match mnemonic {
            M::Movsb | M::Movsw | M::Movsd | M::Movsq if self.inner.is_string_instruction() => {
                (evidence.memory)(evidence.before.get(Register::RSI)?, touch.size as usize)
            }
            M::Stosb | M::Stosw | M::Stosd | M::Stosq => evidence.before(Register::RAX),
            M::Call => Some(self.inner.next_ip().to_le_bytes().to_vec()),
            M::Clzero => Some(vec![0; touch.size as usize]),
            M::Enter if self.inner.immediate8_2nd() == 0 => evidence.before(Register::RBP),
            M::Push if self.inner.op0_kind() == OpKind::Memory => {
                let touches = self.touches(evidence.before, None);
                let load = touches.iter().find(|load| load.direction == Direction::Read)?;
                (evidence.memory)(load.address, load.size as usize)
            }
            M::Pop => (evidence.memory)(evidence.before.get(Register::RSP)?, touch.size as usize),
            M::Push => self.immediate(0).or_else(source),
            M::Xchg => source(),
            M::Xadd => {
                let register = self.inner.op1_register();
                let (add, old) = (evidence.before.get(register)?, evidence.after.get(register)?);
                Some(old.wrapping_add(add).to_le_bytes().to_vec())
            }
            // The CPU writes in either case, and what it read when the comparison failed.
            M::Cmpxchg if evidence.has_exchanged() => source(),
            M::Cmpxchg8b | M::Cmpxchg16b if evidence.has_exchanged() => {
                Evidence::pair(evidence.before, touch.size, [Register::RBX, Register::RCX])
            }
            M::Cmpxchg | M::Cmpxchg8b | M::Cmpxchg16b => self.compared(touch, evidence),
            M::Movbe => Some(reversed(source()?, touch.size)),
            M::Movhps | M::Movhpd | M::Vmovhps | M::Vmovhpd => upper_half(&source()?),
            _ if is_set(&self.inner) => {
                let holds = holds(self.inner.condition_code(), evidence.before.flags());
                Some(vec![u8::from(holds)])
            }
            _ if is_plain_move(mnemonic) || is_scatter(mnemonic) => {
                let bytes = self.immediate(1).or_else(source)?;
                Some(bytes.get(touch.lane..)?.to_vec())
            }
            _ => {
                let number = self.extracted_part(touch.size)?;
                let bytes = source()?;
                Some(bytes.chunks(touch.size as usize).nth(number)?.to_vec())
            }
        }
    }

    fn loaded(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Vec<u8>> {
        let mnemonic = self.inner.mnemonic();
        let target = self.inner.op0_register();
        match mnemonic {
            M::Movsb | M::Movsw | M::Movsd | M::Movsq if self.inner.is_string_instruction() => {
                (evidence.memory)(evidence.before.get(Register::RDI)?, touch.size as usize)
            }
            M::Lodsb | M::Lodsw | M::Lodsd | M::Lodsq | M::Xlatb => evidence.after(Register::RAX),
            M::Push => (evidence.memory)(evidence.after.get(Register::RSP)?, touch.size as usize),
            M::Leave => evidence.after(Register::RBP),
            M::Pop if self.inner.op0_kind() == OpKind::Register => evidence.after(target),
            M::Ret | M::Call | M::Jmp => Some(evidence.after.pc().to_le_bytes().to_vec()),
            M::Xchg | M::Xadd => evidence.after(self.source_register()?),
            M::Cmpxchg | M::Cmpxchg8b | M::Cmpxchg16b => self.compared(touch, evidence),
            M::Fld if self.is_extended_load() => {
                // Onto a full stack something else is loaded, and the flag is set.
                let vectors =
                    evidence.vectors.filter(|v| v.has_x87_stack_fault() == Some(false))?;
                Some(vectors.bytes(Register::ST0)?.to_vec())
            }
            M::Movbe => Some(reversed(evidence.after(target)?, touch.size)),
            M::Movhps | M::Movhpd | M::Vmovhps | M::Vmovhpd => upper_half(&evidence.after(target)?),
            M::Add | M::Sub | M::Xor if self.inner.op0_kind() == OpKind::Register => {
                let (old, new) = (evidence.before.get(target)?, evidence.after.get(target)?);
                let operand = match mnemonic {
                    M::Add => new.wrapping_sub(old),
                    M::Sub => old.wrapping_sub(new),
                    _ => old ^ new,
                };
                Some(operand.to_le_bytes().to_vec())
            }
            _ if is_conditional_move(&self.inner) => {
                holds(self.inner.condition_code(), evidence.before.flags())
                    .then(|| evidence.after(target))?
            }
            _ if self.inner.is_vsib() || is_plain_move(mnemonic) => {
                Some(evidence.after(target)?.get(touch.lane..)?.to_vec())
            }
            _ if masks::is_packed(&self.inner) => {
                let element = self.inner.memory_size().element_size();
                let wanted = match self.inner.op_mask() {
                    Register::None => u64::MAX,
                    mask => evidence.vectors?.mask(mask)?,
                };
                let loaded = evidence.after(target)?;
                let elements = loaded.chunks(element).take(64).enumerate();
                let elements = elements.filter(|&(number, _)| wanted >> number & 1 == 1);
                Some(elements.flat_map(|(_, bytes)| bytes.to_vec()).collect())
            }
            _ if masks::is_broadcast(mnemonic) && !self.inner.has_op_mask() => {
                evidence.after(target)
            }
            _ => None,
        }
    }

    /// What a compare-exchange read.
    fn compared(&self, touch: &Touch, evidence: &Evidence<'_>) -> Option<Vec<u8>> {
        let registers = if evidence.has_exchanged() { evidence.before } else { evidence.after };
        match self.inner.mnemonic() {
            M::Cmpxchg => evidence.register(registers, Register::RAX),
            _ => Evidence::pair(registers, touch.size, [Register::RAX, Register::RDX]),
        }
    }

    /// The last operand that is a register.
    fn source_register(&self) -> Option<Register> {
        (0..self.inner.op_count())
            .rev()
            .find(|&operand| self.inner.op_kind(operand) == OpKind::Register)
            .map(|operand| self.inner.op_register(operand))
    }

    fn immediate(&self, operand: u32) -> Option<Vec<u8>> {
        let has = operand < self.inner.op_count();
        let value = has.then(|| self.inner.try_immediate(operand).ok())??;
        Some(value.to_le_bytes().to_vec())
    }

    /// Which part of its register, counted in parts of the access's size, an instruction stores
    /// that takes a part out.
    fn extracted_part(&self, size: u32) -> Option<usize> {
        let parts = match self.inner.mnemonic() {
            M::Pextrb
            | M::Pextrw
            | M::Pextrd
            | M::Pextrq
            | M::Extractps
            | M::Vpextrb
            | M::Vpextrw
            | M::Vpextrd
            | M::Vpextrq
            | M::Vextractps => 16 / size,
            M::Vextractf128
            | M::Vextracti128
            | M::Vextractf32x4
            | M::Vextracti32x4
            | M::Vextractf64x2
            | M::Vextracti64x2
            | M::Vextractf32x8
            | M::Vextracti32x8
            | M::Vextractf64x4
            | M::Vextracti64x4
                if !self.inner.has_op_mask() =>
            {
                self.source_register()?.size() as u32 / size
            }
            _ => return None,
        };
        Some((u32::from(self.inner.immediate8()) & (parts - 1)) as usize)
    }
}

fn reversed(mut bytes: Vec<u8>, size: u32) -> Vec<u8> {
    bytes.truncate(size as usize);
    bytes.reverse();
    bytes
}

fn upper_half(bytes: &[u8]) -> Option<Vec<u8>> {
    Some(bytes.get(8..16)?.to_vec())
}

fn is_set(instruction: &iced_x86::Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None
        && instruction.op_count() == 1
        && instruction.op0_kind() == OpKind::Memory
}

fn is_conditional_move(instruction: &iced_x86::Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None && instruction.op_count() == 2
}

/// Whether a condition holds under these flags: Intel's manual, volume 1, appendix B.
fn holds(condition: ConditionCode, flags: u64) -> bool {
    let flag = |bit: u32| flags >> bit & 1 == 1;
    let (carry, parity, zero, sign, overflow) = (flag(0), flag(2), flag(6), flag(7), flag(11));
    match condition {
        ConditionCode::None => true,
        ConditionCode::o => overflow,
        ConditionCode::no => !overflow,
        ConditionCode::b => carry,
        ConditionCode::ae => !carry,
        ConditionCode::e => zero,
        ConditionCode::ne => !zero,
        ConditionCode::be => carry || zero,
        ConditionCode::a => !carry && !zero,
        ConditionCode::s => sign,
        ConditionCode::ns => !sign,
        ConditionCode::p => parity,
        ConditionCode::np => !parity,
        ConditionCode::l => sign != overflow,
        ConditionCode::ge => sign == overflow,
        ConditionCode::le => zero || sign != overflow,
        ConditionCode::g => !zero && sign == overflow,
    }
}

fn is_scatter(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Vpscatterdd
            | M::Vpscatterdq
            | M::Vpscatterqd
            | M::Vpscatterqq
            | M::Vscatterdps
            | M::Vscatterdpd
            | M::Vscatterqps
            | M::Vscatterqpd
    )
}

/// Whether memory and the register's low bytes are the same afterwards.
pub(super) fn is_plain_move(mnemonic: M) -> bool {
    matches!(
        mnemonic,
        M::Mov
            | M::Movzx
            | M::Movsx
            | M::Movsxd
            | M::Movnti
            | M::Movd
            | M::Movq
            | M::Movss
            | M::Movsd
            | M::Movaps
            | M::Movapd
            | M::Movups
            | M::Movupd
            | M::Movdqa
            | M::Movdqu
            | M::Movlps
            | M::Movlpd
            | M::Movntps
            | M::Movntpd
            | M::Movntdq
            | M::Movntdqa
            | M::Movntq
            | M::Lddqu
            | M::Movddup
            | M::Vmovd
            | M::Vmovq
            | M::Vmovss
            | M::Vmovsd
            | M::Vmovaps
            | M::Vmovapd
            | M::Vmovups
            | M::Vmovupd
            | M::Vmovdqa
            | M::Vmovdqa32
            | M::Vmovdqa64
            | M::Vmovdqu
            | M::Vmovdqu8
            | M::Vmovdqu16
            | M::Vmovdqu32
            | M::Vmovdqu64
            | M::Vmovlps
            | M::Vmovlpd
            | M::Vmovntps
            | M::Vmovntpd
            | M::Vmovntdq
            | M::Vmovntdqa
            | M::Vlddqu
            | M::Vmaskmovps
            | M::Vmaskmovpd
            | M::Vpmaskmovd
            | M::Vpmaskmovq
    )
}
