//! Addresses and encodings that the capture itself uses.

use std::ops::Range;

/// Where windows are put: a part of the address space that nothing else is found in, so that one
/// look at the upper half of a number tells a pointer into a window. Kernels for small boards give
/// a program 39 bits of address space, so it lies below that.
pub(crate) const ARENA: Range<u64> = 0x20_0000_0000..0x30_0000_0000;

/// `linux/audit.h`, `AUDIT_ARCH_AARCH64`: what the kernel calls this instruction set in filters.
pub(crate) const AUDIT_ARCH: u32 = 0xc000_00b7;

/// `svc #0`.
pub(crate) const CALL_INSTRUCTION: [u8; 4] = [0x01, 0x00, 0x00, 0xd4];

/// `brk #0`.
pub(crate) const BREAKPOINT: [u8; 4] = [0x00, 0x00, 0x20, 0xd4];

/// How far the program counter is beyond a breakpoint that a thread has come to.
pub(crate) const BREAKPOINT_ADVANCE: u64 = 0;

/// What the kernel says of the signal that a breakpoint causes (`brk_handler`,
/// arch/arm64/kernel/debug-monitors.c).
pub(crate) const BREAKPOINT_CODE: i32 = libc::TRAP_BRKPT;

/// Bytes of the longest instruction.
pub(crate) const LONGEST_INSTRUCTION: usize = 4;
