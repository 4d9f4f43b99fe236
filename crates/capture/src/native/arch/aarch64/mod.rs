//! AArch64.

// Pure arithmetic, so that its tests run on every machine.
mod encoding;

#[cfg(target_arch = "aarch64")]
mod data;
#[cfg(target_arch = "aarch64")]
mod instruction;
#[cfg(target_arch = "aarch64")]
pub(crate) mod layout;
#[cfg(target_arch = "aarch64")]
mod redirect;
#[cfg(target_arch = "aarch64")]
mod registers;
#[cfg(target_arch = "aarch64")]
mod string;
#[cfg(target_arch = "aarch64")]
mod vectors;

#[cfg(target_arch = "aarch64")]
pub(crate) use {
    data::Evidence, instruction::Instruction, redirect::Redirect, registers::Registers,
    string::StringRun, vectors::Vectors,
};
