//! x86-64.

mod compare;
mod data;
mod detour;
mod displaced;
mod frame;
mod instruction;
pub(crate) mod layout;
mod masks;
mod redirect;
mod registers;
mod shift;
mod string;
mod transfer;
mod vectors;

pub(crate) use data::Evidence;
pub(crate) use detour::{Detour, RETURNABLE, SIZE as DETOUR_SIZE};
pub(crate) use displaced::{is_trap, runs_anywhere};
pub(crate) use frame::saved_vectors;
pub(crate) use instruction::Instruction;
pub(crate) use redirect::Redirect;
pub(crate) use registers::Registers;
pub(crate) use shift::{Distances, Place, Shift};
pub(crate) use string::{StringRun, with_breakpoint};
pub(crate) use transfer::Transfer;
pub(crate) use vectors::{Vectors, has_protection_keys, prepare, saved};
