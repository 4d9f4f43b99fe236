//! Random instructions with an operand in memory, of every form that the assembler knows.

use iced_x86::{
    Code, EncodingKind, Instruction, Mnemonic as M, OpAccess, OpCodeOperandKind as Kind, OpKind,
    Register,
};

use super::rng::Rng;

/// Where a case's operand in memory lies, and the registers that lead there.
pub(super) struct Plan {
    pub(super) general: [u64; 16],
    /// The place in the window.
    pub(super) offset: u64,
}

pub(super) const WINDOW: u64 = 0x1000_0000;
pub(super) const MEMORY: u64 = 0x3000_0000;
pub(super) const GS: u64 = 0xf00_0000;

const GENERAL: [Register; 16] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RBX,
    Register::RSP,
    Register::RBP,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];

/// The place of a general register in a case's state.
pub(super) fn number(register: Register) -> Option<usize> {
    GENERAL.iter().position(|&known| known == register.full_register())
}

/// Whether a form has an operand in memory that a program may use.
pub(super) fn is_wanted(code: Code) -> bool {
    let form = code.op_code();
    let kinds = form.op_kinds();
    let is_known = kinds.iter().all(|kind| {
        !matches!(
            kind,
            Kind::cr_reg
                | Kind::dr_reg
                | Kind::tr_reg
                | Kind::sibmem
                | Kind::bnd_reg
                | Kind::tmm_reg
        )
    });
    let is_kept = !matches!(
        code.mnemonic(),
        // These change what the next cases stand on, or differ from run to run.
        M::Xrstor | M::Xrstor64 | M::Fxrstor | M::Fxrstor64 | M::Frstor | M::Fldenv
            | M::Fnsave | M::Fnstenv | M::Fsave | M::Fstenv | M::Fxsave | M::Fxsave64
            | M::Xsave | M::Xsave64 | M::Xsavec | M::Xsavec64 | M::Xsaveopt | M::Xsaveopt64
            | M::Sgdt | M::Sidt | M::Monitor | M::Monitorx | M::Clzero | M::Lea
            // The capture's own trap flag shows in these.
            | M::Pushf | M::Pushfq | M::Popf | M::Popfq
            | M::Iret | M::Iretd | M::Iretq | M::Int | M::Enter
    );
    form.mode64()
        && form.is_instruction()
        && !form.is_privileged()
        && form.encoding() != EncodingKind::MVEX
        && is_known
        && is_kept
        && kinds.iter().any(|kind| is_memory(*kind))
}

fn is_memory(kind: Kind) -> bool {
    let name = format!("{kind:?}");
    name.starts_with("mem") && kind != Kind::mem_offs
        || name.contains("_or_mem")
        || is_implied(kind)
}

fn is_implied(kind: Kind) -> bool {
    matches!(kind, Kind::seg_rSI | Kind::es_rDI | Kind::seg_rDI | Kind::seg_rBX_al)
}

fn family(name: &str) -> Option<(Register, usize)> {
    let prefix = |text: &str| name.starts_with(text);
    Some(match () {
        () if prefix("r8_") => (Register::AL, 20),
        () if prefix("r16_") => (Register::AX, 16),
        () if prefix("r32_") => (Register::EAX, 16),
        () if prefix("r64_") => (Register::RAX, 16),
        () if prefix("mm_") => (Register::MM0, 8),
        () if prefix("xmm") => (Register::XMM0, 32),
        () if prefix("ymm") => (Register::YMM0, 32),
        () if prefix("zmm") => (Register::ZMM0, 32),
        () if prefix("k_") || prefix("kp1_") => (Register::K0, 8),
        () => return None,
    })
}

fn fixed(kind: Kind) -> Option<Register> {
    Some(match kind {
        Kind::al => Register::AL,
        Kind::cl => Register::CL,
        Kind::ax => Register::AX,
        Kind::dx => Register::DX,
        Kind::eax => Register::EAX,
        Kind::rax => Register::RAX,
        Kind::st0 => Register::ST0,
        Kind::sti_opcode => Register::ST1,
        Kind::es => Register::ES,
        Kind::cs => Register::CS,
        Kind::ss => Register::SS,
        Kind::ds | Kind::seg_reg => Register::DS,
        Kind::fs => Register::FS,
        Kind::gs => Register::GS,
        _ => return None,
    })
}

/// An instruction of this form whose operand lies at `plan.offset`; `None` when the dice fell so
/// that there is none.
pub(super) fn instruction(code: Code, rng: &mut Rng, plan: &mut Plan) -> Option<Instruction> {
    let form = code.op_code();
    let mut made = Instruction::default();
    made.set_code(code);
    let target = WINDOW + plan.offset;
    for (place, &kind) in form.op_kinds().iter().enumerate() {
        let operand = place as u32;
        let name = format!("{kind:?}");
        if is_implied(kind) {
            imply(&mut made, operand, kind, rng, plan)?;
        } else if name.starts_with("mem_vsib") {
            let is_long = name.contains("vsib64");
            vsib(&mut made, operand, &name, is_long, rng, plan);
        } else if is_memory(kind) {
            made.set_op_kind(operand, OpKind::Memory);
            let bits =
                form.op_count() > 1 && matches!(code.mnemonic(), M::Bt | M::Bts | M::Btr | M::Btc);
            memory(&mut made, target, rng, plan, bits)?;
        } else if let Some(register) = fixed(kind) {
            made.set_op_kind(operand, OpKind::Register);
            made.set_op_register(operand, register);
        } else if let Some((first, count)) = family(&name) {
            let is_evex = form.encoding() == EncodingKind::EVEX;
            let count = if count == 32 && !is_evex { 16 } else { count };
            made.set_op_kind(operand, OpKind::Register);
            made.set_op_register(operand, first + rng.below(count as u64) as u32);
        } else {
            immediate(&mut made, operand, kind, rng)?;
        }
    }
    if form.can_use_op_mask_register() && (form.require_op_mask_register() || rng.below(2) == 0) {
        made.set_op_mask(Register::K1 + rng.below(7) as u32);
        let is_load = made.op0_kind() == OpKind::Register && !made.is_vsib();
        made.set_zeroing_masking(form.can_use_zeroing_masking() && is_load && rng.below(2) == 0);
    }
    made.set_is_broadcast(form.can_broadcast() && rng.below(3) == 0);
    let is_changed = made.op0_kind() == OpKind::Memory;
    made.set_has_lock_prefix(form.can_use_lock_prefix() && is_changed && rng.below(3) == 0);
    if form.can_use_rep_prefix() && made.is_string_instruction() {
        made.set_has_rep_prefix(rng.below(2) == 0);
    }
    if form.can_use_repne_prefix() && made.is_string_instruction() && !made.has_rep_prefix() {
        made.set_has_repne_prefix(rng.below(2) == 0);
    }
    Some(made)
}

/// An operand that the form itself places: at rsi, rdi, or rbx and al.
fn imply(
    made: &mut Instruction,
    operand: u32,
    kind: Kind,
    rng: &mut Rng,
    plan: &mut Plan,
) -> Option<()> {
    let elsewhere = if rng.below(3) == 0 { MEMORY } else { WINDOW } + 1024 + rng.below(64);
    let (op_kind, register, value) = match kind {
        Kind::seg_rSI => (OpKind::MemorySegRSI, Register::RSI, WINDOW + plan.offset),
        Kind::es_rDI => (OpKind::MemoryESRDI, Register::RDI, elsewhere),
        Kind::seg_rDI => (OpKind::MemorySegRDI, Register::RDI, WINDOW + plan.offset),
        _ => {
            made.set_op_kind(operand, OpKind::Memory);
            made.set_memory_base(Register::RBX);
            made.set_memory_index(Register::AL);
            plan.general[3] = WINDOW + plan.offset;
            return Some(());
        }
    };
    made.set_op_kind(operand, op_kind);
    plan.general[number(register)?] = value;
    Some(())
}

fn vsib(
    made: &mut Instruction,
    operand: u32,
    name: &str,
    is_long: bool,
    rng: &mut Rng,
    plan: &mut Plan,
) {
    // States hold small indices of either width in these registers.
    let number = if is_long { 2 } else { 1 };
    let first = match name.as_bytes().last() {
        Some(b'x') => Register::XMM0,
        Some(b'y') => Register::YMM0,
        _ => Register::ZMM0,
    };
    made.set_op_kind(operand, OpKind::Memory);
    made.set_memory_base(Register::RBX);
    made.set_memory_index(first + number);
    made.set_memory_index_scale(1 << rng.below(4));
    made.set_memory_displ_size(4);
    plan.general[3] = WINDOW + 2048;
}

fn memory(
    made: &mut Instruction,
    target: u64,
    rng: &mut Rng,
    plan: &mut Plan,
    is_bit_string: bool,
) -> Option<()> {
    if is_bit_string {
        // The second operand moves the address: kept small, and out of the base.
        for register in [0, 1, 2, 6, 7] {
            plan.general[register] = (rng.below(2000) as i64 - 1000) as u64;
        }
    }
    let pick = |rng: &mut Rng| rng.below(16) as usize;
    let displacement = if rng.below(2) == 0 { 0 } else { rng.below(4000) as i64 - 2000 };
    let set = |made: &mut Instruction, displacement: i64| {
        made.set_memory_displacement64(displacement as u64);
        made.set_memory_displ_size(if displacement == 0 { 0 } else { 4 });
    };
    match rng.below(9) {
        0..=2 => {
            let base = pick(rng);
            made.set_memory_base(GENERAL[base]);
            plan.general[base] = target.wrapping_add_signed(-displacement);
            set(made, displacement);
        }
        3 | 4 => {
            let (base, index, scale) = (pick(rng), pick(rng), 1 << rng.below(4));
            if base == index || index == 4 {
                return None;
            }
            made.set_memory_base(GENERAL[base]);
            made.set_memory_index(GENERAL[index]);
            made.set_memory_index_scale(scale);
            let value = rng.below(200) as i64 - 100;
            plan.general[index] = value as u64;
            let before = i64::from(scale) * value + displacement;
            plan.general[base] = target.wrapping_add_signed(-before);
            set(made, displacement);
        }
        5 => {
            let (index, scale) = (pick(rng), 8);
            if index == 4 {
                return None;
            }
            made.set_memory_index(GENERAL[index]);
            made.set_memory_index_scale(scale);
            plan.general[index] = 0x200_0000;
            made.set_memory_displacement64(target - 0x1000_0000);
            made.set_memory_displ_size(4);
        }
        6 => {
            made.set_memory_base(Register::RIP);
            made.set_memory_displacement64(target);
            made.set_memory_displ_size(4);
        }
        7 => {
            let base = pick(rng);
            made.set_segment_prefix(Register::GS);
            made.set_memory_base(GENERAL[base]);
            plan.general[base] = (target - GS).wrapping_add_signed(-displacement);
            set(made, displacement);
        }
        _ => {
            let base = pick(rng);
            made.set_memory_base(Register::EAX + base as u32);
            plan.general[base] = target.wrapping_add_signed(-displacement) | rng.next() << 32;
            set(made, displacement);
        }
    }
    Some(())
}

fn immediate(made: &mut Instruction, operand: u32, kind: Kind, rng: &mut Rng) -> Option<()> {
    let value = rng.next();
    let (op_kind, value) = match kind {
        Kind::imm8 | Kind::imm4_m2z => (OpKind::Immediate8, value & 0xff),
        Kind::imm8_const_1 => (OpKind::Immediate8, 1),
        Kind::imm8sex16 => (OpKind::Immediate8to16, value as i8 as u64),
        Kind::imm8sex32 => (OpKind::Immediate8to32, value as i8 as u64),
        Kind::imm8sex64 => (OpKind::Immediate8to64, value as i8 as u64),
        Kind::imm16 => (OpKind::Immediate16, value & 0xffff),
        Kind::imm32 => (OpKind::Immediate32, value & 0xffff_ffff),
        Kind::imm32sex64 => (OpKind::Immediate32to64, value as i32 as u64),
        _ => return None,
    };
    made.set_op_kind(operand, op_kind);
    let value = if kind == Kind::imm4_m2z { value & 3 } else { value };
    made.try_set_immediate_u64(operand, value).ok()
}

/// Whether an operand's access is a load, and whether it is a store.
pub(super) fn loads_and_stores(access: OpAccess) -> (bool, bool) {
    match access {
        OpAccess::Read | OpAccess::CondRead => (true, false),
        OpAccess::Write | OpAccess::CondWrite => (false, true),
        OpAccess::ReadWrite | OpAccess::ReadCondWrite => (true, true),
        OpAccess::None | OpAccess::NoMemAccess => (false, false),
    }
}
