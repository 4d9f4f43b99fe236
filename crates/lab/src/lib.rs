//! A libc's own AArch64 machine code, run in an emulator against a modelled device window: what
//! its `memcpy`, `memmove` and `memset` put on the bus, with no AArch64 machine and no QEMU.
//!
//! ```no_run
//! use busprobe_lab::{Call, Cpu, Function, Lab};
//!
//! let mut lab = Lab::open("lib/aarch64-linux-gnu/libc.so.6".as_ref(), Cpu::default())?;
//! let routine = lab.routine(Function::Memcpy)?;
//! let run = lab.run(&routine, &Call::of(4 * 32))?;
//! for access in run.trace.accesses() {
//!     println!("{:#x} {}", access.offset, access.size);
//! }
//! # Ok::<(), busprobe_lab::LabError>(())
//! ```
//!
//! One instruction is one access, as in every trace at instruction level: `stp q0, q1` is one of
//! 32 bytes. The window is Device memory, so an unaligned access faults unless
//! [`Unaligned`] says otherwise.

mod cpu;
mod engine;
mod error;
mod fit;
mod function;
mod image;
mod instruction;
mod lab;
mod process;
mod recording;
mod resolver;
mod run;

pub use cpu::Cpu;
pub use error::LabError;
pub use fit::{Candidate, Fit};
pub use function::{Chosen, Function, Routine};
pub use lab::Lab;
pub use run::{Call, Ending, Run, Unaligned, pattern};
