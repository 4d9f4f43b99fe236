//! Which line of Python, and which bytecode instruction of it, a stopped thread is running.
//!
//! Nothing is asked of the program: the interpreter's structures are read where they lie, through
//! a [`Memory`] that the caller gives, which decides what may be read. [`Interpreter::find`] knows
//! `CPython` 3.8 to 3.13, on 64-bit little-endian machines, by what its library exports.
//! [`Interpreter::running`] then follows the pointers from the runtime to the thread, its frame
//! and the frame's code.
//!
//! A program that looks at itself, in a signal handler say, asks [`Own::place`] where the calling
//! thread is, and [`Interpreter::line_at`] which line that is when it first sees the place.
//!
//! An interpreter built otherwise, memory that changes meanwhile, a thread that is not Python's:
//! wherever something is not as it has to be, the answer is `None`. Every object on the way is
//! recognised by its type, and every thread by its interpreter.

mod code;
mod image;
mod interpreter;
mod layout;
mod lines;
mod memory;
mod object;
mod opcodes;
mod own;
mod thread;
mod version;

pub use interpreter::Interpreter;
pub use memory::{Memory, Part};
pub use own::{Own, Place};
pub use thread::Thread;

/// A place in a Python program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The file, as the code object names it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The function's qualified name; the plain name before 3.11, which keeps no other.
    pub function: String,
    /// The bytecode instruction's byte offset in its code object, as `dis` prints it.
    pub offset: u32,
    /// The instruction's name, as `dis` prints it when not asked for specialised ones; `None`
    /// where a debugger or a profiler has put its own in place.
    pub instruction: Option<&'static str>,
}
