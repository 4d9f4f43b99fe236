//! Native capture: the program runs on this machine's CPU under ptrace(2), and each load and store
//! that it makes to a watched window is stepped once.
//!
//! A watched mapping is mapped a second time, the *alias*, and the program's own window is made
//! inaccessible. An access to it faults; the tracer moves the address from the window to the alias,
//! lets the CPU run the program's own instruction, or a copy of it, and moves it back. So no other
//! thread can slip through meanwhile, and the tracer never reads or writes the device itself.
//! `rep movs` and `rep stos` run as a whole and are one record, a
//! [`Repeat`](busprobe_trace::Repeat).
//!
//! ```no_run
//! use busprobe_capture::Watch;
//! use busprobe_capture::native::Capture;
//! use busprobe_trace::{Header, Trace};
//!
//! let mut trace = Trace::new(Capture::header());
//! let outcome = Capture::new(["python3", "script.py"])
//!     .watch(Watch::file("win.bin", 0..4096))
//!     .run(&mut trace)?;
//! println!("{} accesses, exit status {}", outcome.accesses, outcome.status);
//! # Ok::<(), busprobe_capture::native::Error>(())
//! ```
//! Linux 4.8 or later is needed. Ctrl-C goes to the program, as from a shell; twice within two
//! seconds it ends the program and the trace.
//!
//! # What it does not see
//! What is not seen is a [`Loss`](busprobe_trace::Loss) in the trace where the capture can tell:
//! private copies, 32-bit programs, accesses that end in a signal, instructions that save the
//! processor's state, on AArch64 SVE and exclusive stores far from their loads. Of locked
//! instructions whose registers and flags do not tell, the data are unknown; docs/tracing.md has
//! all that are. What the x87 unit keeps of its last instruction and operand is where they ran, not
//! the program's own addresses. What a program hands to `io_uring` is not seen, and a loss says that
//! it uses it. The capture cannot tell of DMA.

pub(crate) mod access;
pub(crate) mod arch;
mod capture;
mod error;
mod marks;
mod patience;
mod program;
pub(crate) mod ptrace;
mod recorder;
mod requests;
pub(crate) mod sites;
mod stack;
mod syscalls;
mod tracer;
mod windows;

pub use capture::Capture;
pub use error::Error;
pub use marks::mark_on::{MarkOn, NotFound};

pub use crate::{Outcome, Watch};
