//! The records.

use serde::{Deserialize, Serialize};

/// One record of the stream.
///
/// Process and thread numbers are the host system's; QEMU's user-mode emulation runs each emulated
/// thread in one of its own. Times are nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The plugin is there. Once, before all others.
    Start(Start),
    /// An instruction, before the process's first access by it.
    Site(Site),
    /// A line of Python, before the process's first access that it made.
    Python(Python),
    /// One load or store, or a part of one.
    Access(Access),
    /// A system call that succeeded, with an argument that points into a window, by what it is or
    /// by chance.
    Syscall(Syscall),
    /// The program mapped a watched file.
    Mapped {
        /// In which process.
        process: u32,
        /// The number of the watch.
        watch: u32,
        /// Whether stores reach the file. A private mapping is a copy, and no window.
        shared: bool,
    },
    /// The process is about to become another program, which QEMU will not run.
    Exec {
        /// Which process.
        process: u32,
    },
    /// The last [`Record::Exec`] of the process failed: it lives on.
    ExecFailed {
        /// Which process.
        process: u32,
    },
    /// An instruction ran close after an access to a window that writes memory without QEMU
    /// saying where.
    Unplaced {
        /// In which process.
        process: u32,
        /// In which thread.
        thread: u32,
        /// Which instruction.
        site: u32,
    },
    /// The program put a mark.
    Mark(Mark),
}

/// What the plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Version of this format; this library knows [`Start::FORMAT`].
    pub format: u32,
    /// QEMU's name for the emulated instruction set.
    pub target: String,
    /// Whether QEMU hands over the data of each access (plugin interface 4, QEMU 9.2). Without
    /// that, data is what the emulated memory holds right after the access.
    pub values: bool,
}

impl Start {
    /// The version of the format that this library speaks.
    pub const FORMAT: u32 = 3;
}

/// An instruction that accesses a window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Which process.
    pub process: u32,
    /// What its accesses call it by; unique within the process.
    pub id: u32,
    /// Its address, as the program counts.
    pub pc: u64,
    /// Its bytes.
    pub code: Vec<u8>,
    /// QEMU's disassembly.
    pub text: String,
    /// The file it is mapped from, when it is mapped from one.
    pub module: Option<Module>,
}

/// A place in a file that code is mapped from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// The file, by the host's path.
    pub path: String,
    /// The offset of the instruction in the file.
    pub offset: u64,
}

/// A line of Python and an instruction of its bytecode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    /// In which process.
    pub process: u32,
    /// What accesses call it by; unique within the process.
    pub id: u32,
    /// The file, as the code object names it.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// The function.
    pub function: String,
    /// The bytecode instruction's byte offset in its code object.
    pub offset: u32,
    /// The bytecode instruction's name.
    pub instruction: Option<String>,
}

/// One load or store as QEMU did it.
///
/// QEMU may do what one instruction means in several steps (a 16-byte store in two of 8). The
/// steps of one execution have the same thread, site and block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Which process.
    pub process: u32,
    /// Which thread.
    pub thread: u32,
    /// When.
    pub time_ns: u64,
    /// By which instruction.
    pub site: u32,
    /// By which line of Python, when one is known.
    pub python: Option<u32>,
    /// Counts the blocks of code that the thread's emulated CPU began. An instruction that runs
    /// again does so in a later block.
    pub block: u64,
    /// Store or load.
    pub store: bool,
    /// The number of the watch.
    pub watch: u32,
    /// First byte, counted from the start of the watched file.
    pub offset: i64,
    /// Bytes.
    pub size: u8,
    /// The bytes in address order as one little-endian number, when they are known.
    pub data: Option<u128>,
}

/// A system call with a value in an argument register that is an address in a window. Whether the
/// call has such an argument at all, the reader has to know: unused registers hold old values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syscall {
    /// Which process.
    pub process: u32,
    /// Which thread.
    pub thread: u32,
    /// When.
    pub time_ns: u64,
    /// Its number, as the emulated instruction set counts them.
    pub number: i64,
    /// The number of the watch.
    pub watch: u32,
    /// The argument, from 0. Of a call with a list of buffers, one record comes for each buffer in
    /// a window, as if it were the argument.
    pub argument: u8,
    /// Where it points, counted from the start of the watched file.
    pub offset: i64,
    /// The next argument, which most calls give the length in.
    pub next: u64,
}

/// A place that the program named, see `busprobe_mark`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which thread.
    pub thread: u32,
    /// When.
    pub time_ns: u64,
    /// The name: text in UTF-8, if the program keeps to that.
    pub text: Vec<u8>,
}
