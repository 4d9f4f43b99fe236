//! Addresses and encodings that the capture itself uses.

use std::ops::Range;

/// Where windows are put: a part of the address space that nothing else is found in, so that one
/// look at the upper half of a number tells a pointer into a window.
pub(crate) const ARENA: Range<u64> = 0x2a00_0000_0000..0x2b00_0000_0000;

/// `linux/audit.h`, `AUDIT_ARCH_X86_64`: what the kernel calls this instruction set in filters.
pub(crate) const AUDIT_ARCH: u32 = 0xc000_003e;

/// `syscall`.
pub(crate) const CALL_INSTRUCTION: [u8; 2] = [0x0f, 0x05];

/// `int3`.
pub(crate) const BREAKPOINT: [u8; 1] = [0xcc];

/// How far the program counter is beyond a breakpoint that a thread has come to.
pub(crate) const BREAKPOINT_ADVANCE: u64 = 1;

/// What the kernel says of the signal that a breakpoint causes (`do_int3_user`,
/// arch/x86/kernel/traps.c).
pub(crate) const BREAKPOINT_CODE: i32 = libc::SI_KERNEL;

/// Bytes of the longest instruction.
pub(crate) const LONGEST_INSTRUCTION: usize = 15;
