//! A thread that a signal interrupted, as its handler finds it: asm/sigcontext.h.

use std::slice;

use libc::{c_int, ucontext_t};

use super::Registers;

/// Bytes of the legacy region, which is always there.
const LEGACY: usize = 512;
/// In the legacy region: what the kernel says of the rest.
const SOFTWARE_RESERVED: usize = 464;
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;

impl Registers {
    /// Those of the interrupted thread; what it has as the base of `fs` is its thread pointer, and
    /// that of `gs` is not known and given as 0.
    pub(crate) fn of_interrupted(context: &ucontext_t) -> Registers {
        let from = |register: c_int| context.uc_mcontext.gregs[register as usize] as u64;
        // SAFETY: all zeros are registers.
        let mut set: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        set.rax = from(libc::REG_RAX);
        set.rbx = from(libc::REG_RBX);
        set.rcx = from(libc::REG_RCX);
        set.rdx = from(libc::REG_RDX);
        set.rsi = from(libc::REG_RSI);
        set.rdi = from(libc::REG_RDI);
        set.rbp = from(libc::REG_RBP);
        set.rsp = from(libc::REG_RSP);
        set.r8 = from(libc::REG_R8);
        set.r9 = from(libc::REG_R9);
        set.r10 = from(libc::REG_R10);
        set.r11 = from(libc::REG_R11);
        set.r12 = from(libc::REG_R12);
        set.r13 = from(libc::REG_R13);
        set.r14 = from(libc::REG_R14);
        set.r15 = from(libc::REG_R15);
        set.rip = from(libc::REG_RIP);
        set.eflags = from(libc::REG_EFL);
        // SAFETY: it has no preconditions; the thread pointer is the base of `fs` (System V ABI,
        // AMD64 supplement, 3.4.6).
        set.fs_base = unsafe { libc::pthread_self() } as u64;
        Registers(set)
    }

    /// Lets the interrupted thread go on with these.
    pub(crate) fn resume(&self, context: &mut ucontext_t) {
        let set = &self.0;
        for (register, value) in [
            (libc::REG_RAX, set.rax),
            (libc::REG_RBX, set.rbx),
            (libc::REG_RCX, set.rcx),
            (libc::REG_RDX, set.rdx),
            (libc::REG_RSI, set.rsi),
            (libc::REG_RDI, set.rdi),
            (libc::REG_RBP, set.rbp),
            (libc::REG_RSP, set.rsp),
            (libc::REG_R8, set.r8),
            (libc::REG_R9, set.r9),
            (libc::REG_R10, set.r10),
            (libc::REG_R11, set.r11),
            (libc::REG_R12, set.r12),
            (libc::REG_R13, set.r13),
            (libc::REG_R14, set.r14),
            (libc::REG_R15, set.r15),
            (libc::REG_RIP, set.rip),
            (libc::REG_EFL, set.eflags),
        ] {
            context.uc_mcontext.gregs[register as usize] = value as i64;
        }
    }

    /// The flag that makes the CPU trap after one instruction.
    const TRAP: u64 = 1 << 8;

    /// Has the thread run one instruction.
    pub(crate) fn set_trap(&mut self) {
        self.0.eflags |= Self::TRAP;
    }

    /// Lets the thread run on, unless it already stepped itself `before`.
    pub(crate) fn restore_trap(&mut self, before: &Registers) {
        self.0.eflags = self.0.eflags & !Self::TRAP | before.0.eflags & Self::TRAP;
    }
}

/// The interrupted thread's vector registers, in the format that
/// [`Vectors::Saved`](super::Vectors::Saved) holds.
pub(crate) fn saved_vectors(context: &ucontext_t) -> &[u8] {
    let area: *const u8 = context.uc_mcontext.fpregs.cast_const().cast();
    if area.is_null() {
        return &[];
    }
    // SAFETY: the kernel has put the legacy region there, and behind it as much as it says at the
    // place that the region leaves to software.
    unsafe {
        let said = area.add(SOFTWARE_RESERVED).cast::<[u32; 5]>().read_unaligned();
        let [FP_XSTATE_MAGIC1, .., size] = said else { return slice::from_raw_parts(area, LEGACY) };
        slice::from_raw_parts(area, size as usize)
    }
}
