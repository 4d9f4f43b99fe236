//! The general registers.

use std::ops::RangeInclusive;

use framehop::UnwindRegsNative;
use libc::user_regs_struct;
use nix::errno::Errno;

use super::encoding::Register;
use crate::native::arch::layout::CALL_INSTRUCTION;
use crate::native::ptrace::{self, NT_PRSTATUS, Tid};

/// Where a system call's number is.
const NUMBER: usize = 8;
/// Where a function returns to.
const LINK: usize = 30;
/// During a system call's stop the kernel shows here which of its two stops it is.
const SHADOWED: usize = 7;

/// The general registers of a stopped thread.
#[derive(Clone, Copy)]
pub(crate) struct Registers(user_regs_struct);

impl Registers {
    /// Reads them; `None` when the thread runs a 32-bit program.
    pub(crate) fn of_64_bit(tid: Tid) -> Result<Option<Registers>, Errno> {
        let (set, length) = ptrace::register_set::<user_regs_struct>(tid, NT_PRSTATUS)?;
        Ok((length == size_of::<user_regs_struct>()).then_some(Registers(set)))
    }

    pub(crate) fn read(tid: Tid) -> Result<Registers, Errno> {
        Ok(Registers(ptrace::register_set(tid, NT_PRSTATUS)?.0))
    }

    pub(crate) fn write(&self, tid: Tid) -> Result<(), Errno> {
        ptrace::set_register_set(tid, NT_PRSTATUS, &self.0)
    }

    pub(crate) fn pc(&self) -> u64 {
        self.0.pc
    }

    pub(crate) fn set_pc(&mut self, pc: u64) {
        self.0.pc = pc;
    }

    /// The number of the system call that the thread is in.
    pub(crate) fn call_number(&self) -> i64 {
        self.0.regs[NUMBER] as i64
    }

    /// Argument `index` of the system call that the thread is in.
    pub(crate) fn argument(&self, index: usize) -> u64 {
        self.0.regs[index]
    }

    pub(crate) fn set_argument(&mut self, index: usize, value: u64) {
        self.0.regs[index] = value;
    }

    /// Undoes changes to the arguments of a call that has returned. The first one's place has the
    /// result by now; the kernel itself keeps the original of that.
    pub(crate) fn restore_arguments(&mut self, original: &Registers) {
        self.0.regs[1..6].copy_from_slice(&original.0.regs[1..6]);
        self.0.regs[SHADOWED] = original.0.regs[SHADOWED];
    }

    /// What the system call that the thread returns from gave.
    pub(crate) fn result(&self) -> i64 {
        self.0.regs[0] as i64
    }

    /// Where the instruction lies of the system call that the thread returns from.
    pub(crate) fn call_instruction(&self) -> u64 {
        self.0.pc - CALL_INSTRUCTION.len() as u64
    }

    /// Makes the next step a system call, by the instruction at `at`.
    pub(crate) fn prepare_call(&mut self, at: u64, number: i64, arguments: [u64; 6]) {
        self.0.pc = at;
        self.0.regs[NUMBER] = number as u64;
        self.0.regs[..6].copy_from_slice(&arguments);
    }

    /// Where the stack ends.
    pub(crate) fn stack_pointer(&self) -> u64 {
        self.0.sp
    }

    /// Where the function that is about to begin returns to, and the stack pointer there.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it has to be read")]
    pub(crate) fn return_place(&self, _: Tid) -> Option<(u64, u64)> {
        Some((self.0.regs[LINK], self.0.sp))
    }

    /// What unwinding the stack begins with.
    pub(crate) fn unwind_start(&self) -> UnwindRegsNative {
        const FRAME_POINTER: usize = 29;
        UnwindRegsNative::new(self.0.regs[LINK], self.0.sp, self.0.regs[FRAME_POINTER])
    }

    /// Where what `pthread_self` gives in the thread lies: a structure that ends shortly before
    /// the thread pointer (ELF for the Arm 64-bit Architecture, "Thread Local Storage", variant I),
    /// and no other thread's within so much.
    #[expect(clippy::unused_self, reason = "elsewhere it is a general register")]
    pub(crate) fn pthread(&self, tid: Tid) -> Option<RangeInclusive<u64>> {
        const LARGEST: u64 = 4096;
        // `linux/elf.h`: the thread pointer.
        const NT_ARM_TLS: i32 = 0x401;
        let (pointer, _) = ptrace::register_set::<[u8; 8]>(tid, NT_ARM_TLS).ok()?;
        let pointer = u64::from_le_bytes(pointer);
        Some(pointer.saturating_sub(LARGEST)..=pointer)
    }

    pub(super) fn get(&self, register: Register) -> u64 {
        match register {
            Register::General(number) => self.0.regs[usize::from(number)],
            Register::StackPointer => self.0.sp,
            Register::Zero => 0,
        }
    }

    pub(super) fn set(&mut self, register: Register, value: u64) {
        match register {
            Register::General(number) => self.0.regs[usize::from(number)] = value,
            Register::StackPointer => self.0.sp = value,
            Register::Zero => {}
        }
    }
}
