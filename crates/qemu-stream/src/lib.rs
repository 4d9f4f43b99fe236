//! What the busprobe plugin in QEMU and the capture outside it say to each other.
//!
//! The capture starts `qemu-ARCH -plugin libbusprobe_qemu.so,ARGUMENTS`, where [`Arguments`] name a
//! pipe and the files to watch. The plugin answers in [`Record`]s: first [`Record::Start`], then
//! what happens, as it happens.
//!
//! On the pipe a record is its length in bytes (two bytes, little-endian) and its
//! [postcard](https://postcard.jamesmunns.com/wire-format) encoding. It never exceeds
//! [`LONGEST`], so the system writes it in one piece (pipe(7), `PIPE_BUF`): threads and forked
//! processes share the pipe without a lock, and a process killed at any moment leaves whole
//! records behind.

mod arguments;
mod frame;
mod record;

pub use arguments::{Arguments, ArgumentsError, FileRange};
pub use frame::{LONGEST, LONGEST_TEXT, Reader, frame};
pub use record::{Access, Mark, Module, Python, Record, Site, Start, Syscall};
