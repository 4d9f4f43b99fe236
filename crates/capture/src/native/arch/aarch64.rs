//! AArch64.

// Pure arithmetic, so that their tests run on every machine.
mod displaced;
mod encoding;
mod exclusive;

#[cfg(target_arch = "aarch64")]
mod data;
#[cfg(target_arch = "aarch64")]
mod exclusive_run;
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
    data::Evidence, displaced::is_trap, displaced::runs_anywhere, exclusive_run::ExclusiveRun,
    instruction::Instruction, redirect::Redirect, registers::Registers, string::StringRun,
    vectors::Vectors,
};
