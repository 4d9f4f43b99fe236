//! x86-64.

mod data;
mod instruction;
pub(crate) mod layout;
mod masks;
mod redirect;
mod registers;
mod vectors;

pub(crate) use data::Evidence;
pub(crate) use instruction::Instruction;
pub(crate) use registers::Registers;
pub(crate) use vectors::Vectors;
