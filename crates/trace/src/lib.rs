//! What a program put on a device bus: a [`Trace`] of accesses, where each came from, and what
//! could not be seen.
//!
//! A capture produces [`Record`]s in order and puts them into a [`Sink`]: a file ([`jsonl`]), a
//! terminal ([`text`]), or a [`Trace`] in memory. Whoever reads them does not know which capture
//! they came from.
//!
//! ```
//! use busprobe_trace::{Access, Capture, Data, Direction, Header, Level, Record, Sink, Trace};
//!
//! let mut trace = Trace::new(Header::new(Level::Instruction, Capture::Native, "x86_64"));
//! trace.put(&Record::Access(Access {
//!     data: Some(Data::new(&[1, 0, 0, 0])),
//!     ..Access::new(Direction::Write, 0x40, 4)
//! }))?;
//!
//! let mut file = Vec::new();
//! busprobe_trace::jsonl::write(&trace, &mut file)?;
//! assert_eq!(busprobe_trace::jsonl::read(file.as_slice())?, trace);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
pub mod axi4_lite;
mod header;
pub mod jsonl;
mod record;
mod repeat;
mod site;
pub mod text;
mod trace;

pub use access::{Access, Data, Direction};
pub use header::{Capture, Header, Level, Window};
pub use record::{Loss, LossKind, Mark, Record, Sink, Syscall};
pub use repeat::Repeat;
pub use site::{Frame, PythonLine, Site, SourceLine};
pub use trace::{Event, Trace};
