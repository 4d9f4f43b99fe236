//! What differs from one instruction set to another. Each has the same few names:
//!
//! - `Registers`: the general registers of a stopped thread;
//! - `Vectors`: its vector and mask registers, read when they are needed;
//! - `Instruction`: what it loads and stores, how to run it with its window moved, and the data;
//! - `StringRun`: an instruction that makes many accesses, run as a whole;
//! - `runs_anywhere`, `is_trap`: what an instruction is that a breakpoint takes the place of;
//! - `layout`: where windows are put, and what a system call and a breakpoint look like.

#[cfg(any(target_arch = "aarch64", test))]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;
