//! What code an address is: the module, its build id, the function, the instruction in words.
//!
//! A capture knows program counters; people know functions. [`Module`] reads one ELF file and
//! answers for the addresses in it, and answers nothing rather than the nearest wrong thing: a
//! symbol counts only where its size covers the address.

mod debug_file;
mod disassembly;
mod functions;
mod module;
mod slots;
mod source;
mod symbols;
mod unwind;

pub use disassembly::{Machine, disassemble};
pub use module::{Module, ModuleError};
pub use slots::{Slot, SlotOf};
pub use source::SourceFrame;
pub use symbols::{Function, Symbol};
pub use unwind::{Section, UnwindTables};
