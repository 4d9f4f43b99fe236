//! The functions that move blocks of memory, and the routines that are them.

use std::fmt;

/// A function of the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Copies between buffers that do not overlap.
    Memcpy,
    /// Copies between buffers that may.
    Memmove,
    /// Fills with a byte.
    Memset,
}

impl Function {
    /// As C names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Function::Memcpy => "memcpy",
            Function::Memmove => "memmove",
            Function::Memset => "memset",
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The code that runs when a program calls a [`Function`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routine {
    /// What it does.
    pub function: Function,
    /// Its address, as the libc's symbol table counts.
    pub address: u64,
    /// Its name, when a symbol table has one for exactly this address: `__memcpy_generic`.
    pub symbol: Option<String>,
    /// How it was found.
    pub chosen: Chosen,
}

/// How a routine was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The libc has only this one.
    Only,
    /// The libc's resolver returned it for the lab's CPU.
    Resolved,
    /// It was asked for by name or address.
    Named,
}

/// `__memcpy_generic`, or `memcpy at 0x9d100` when it has no name.
impl fmt::Display for Routine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.symbol {
            Some(symbol) => f.write_str(symbol),
            None => write!(f, "{} at {:#x}", self.function, self.address),
        }
    }
}
