//! The general registers.

use std::ops::RangeInclusive;

use framehop::UnwindRegsNative;
use iced_x86::Register;
use libc::user_regs_struct;
use nix::errno::Errno;

use crate::native::arch::layout::CALL_INSTRUCTION;
use crate::native::ptrace::{self, NT_PRSTATUS, Tid};

/// The general registers of a stopped thread.
#[derive(Clone, Copy)]
pub(crate) struct Registers(pub(super) user_regs_struct);

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
        self.0.rip
    }

    pub(crate) fn set_pc(&mut self, pc: u64) {
        self.0.rip = pc;
    }

    /// The number of the system call that the thread is in.
    pub(crate) fn call_number(&self) -> i64 {
        self.0.orig_rax as i64
    }

    /// Argument `index` of the system call that the thread is in.
    pub(crate) fn argument(&self, index: usize) -> u64 {
        let set = &self.0;
        [set.rdi, set.rsi, set.rdx, set.r10, set.r8, set.r9][index]
    }

    pub(crate) fn set_argument(&mut self, index: usize, value: u64) {
        let set = &mut self.0;
        *[&mut set.rdi, &mut set.rsi, &mut set.rdx, &mut set.r10, &mut set.r8, &mut set.r9]
            [index] = value;
    }

    /// Undoes changes to the arguments of a call that has returned.
    pub(crate) fn restore_arguments(&mut self, original: &Registers) {
        for index in 0..6 {
            self.set_argument(index, original.argument(index));
        }
    }

    /// What the system call that the thread returns from gave.
    pub(crate) fn result(&self) -> i64 {
        self.0.rax as i64
    }

    /// Where the instruction lies of the system call that the thread returns from.
    pub(crate) fn call_instruction(&self) -> u64 {
        self.0.rip - CALL_INSTRUCTION.len() as u64
    }

    /// Makes the next step a system call, by the instruction at `at`.
    pub(crate) fn prepare_call(&mut self, at: u64, number: i64, arguments: [u64; 6]) {
        self.0.rip = at;
        self.0.rax = number as u64;
        // No call is under way that the kernel could want to restart.
        self.0.orig_rax = u64::MAX;
        for (index, value) in arguments.into_iter().enumerate() {
            self.set_argument(index, value);
        }
    }

    /// Where the stack ends.
    pub(crate) fn stack_pointer(&self) -> u64 {
        self.0.rsp
    }

    /// Where the function that is about to begin returns to, and the stack pointer there.
    pub(crate) fn return_place(&self, tid: Tid) -> Option<(u64, u64)> {
        Some((ptrace::read_word(tid, self.0.rsp)?, self.0.rsp.wrapping_add(8)))
    }

    /// What unwinding the stack begins with.
    pub(crate) fn unwind_start(&self) -> UnwindRegsNative {
        UnwindRegsNative::new(self.0.rip, self.0.rsp, self.0.rbp)
    }

    /// Where what `pthread_self` gives in the thread lies: at the thread pointer (System V ABI,
    /// "Thread-Local Storage", variant II).
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it has to be asked of the kernel")]
    pub(crate) fn pthread(&self, _: Tid) -> Option<RangeInclusive<u64>> {
        Some(self.0.fs_base..=self.0.fs_base)
    }

    pub(crate) fn flags(&self) -> u64 {
        self.0.eflags
    }

    /// The value of a general register of any width, or the base of a segment.
    pub(crate) fn get(&self, register: Register) -> Option<u64> {
        match register {
            Register::FS => return Some(self.0.fs_base),
            Register::GS => return Some(self.0.gs_base),
            Register::CS | Register::DS | Register::ES | Register::SS => return Some(0),
            _ => {}
        }
        let whole = *self.clone().place(register.full_register())?;
        Some(match (register.size(), is_high_byte(register)) {
            (1, true) => whole >> 8 & 0xff,
            (1, false) => whole & 0xff,
            (2, _) => whole & 0xffff,
            (4, _) => whole & 0xffff_ffff,
            _ => whole,
        })
    }

    /// Changes a general register in full.
    ///
    /// # Panics
    /// When `register` is no general register of 64 bits.
    pub(crate) fn set(&mut self, register: Register, value: u64) {
        *self.place(register).expect("a 64-bit general register") = value;
    }

    fn place(&mut self, register: Register) -> Option<&mut u64> {
        let set = &mut self.0;
        Some(match register {
            Register::RAX => &mut set.rax,
            Register::RBX => &mut set.rbx,
            Register::RCX => &mut set.rcx,
            Register::RDX => &mut set.rdx,
            Register::RSI => &mut set.rsi,
            Register::RDI => &mut set.rdi,
            Register::RBP => &mut set.rbp,
            Register::RSP => &mut set.rsp,
            Register::R8 => &mut set.r8,
            Register::R9 => &mut set.r9,
            Register::R10 => &mut set.r10,
            Register::R11 => &mut set.r11,
            Register::R12 => &mut set.r12,
            Register::R13 => &mut set.r13,
            Register::R14 => &mut set.r14,
            Register::R15 => &mut set.r15,
            _ => return None,
        })
    }
}

fn is_high_byte(register: Register) -> bool {
    matches!(register, Register::AH | Register::BH | Register::CH | Register::DH)
}
