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
//! Which of a libc's variants runs is the libc's own choice: its resolver is run as on the chosen
//! [`Cpu`] and asked ([`Lab::routine`]). Results belong to a build of a libc, never to a version:
//! two builds of one version differ.
//!
//! One instruction is one access, as in every trace at instruction level: `stp q0, q1` is one of
//! 32 bytes. The window is Device memory, so an unaligned access faults unless [`Unaligned`] says
//! otherwise. What the emulator does not have (SVE, MOPS, `DC ZVA`) ends the run, by name
//! ([`Ending::NotExecuted`]); it is never skipped.
//!
//! What decides a sequence: the routine, the length, and the places of destination and source
//! modulo 16. The lab gives the source the place that [`Call::source`] says; in a program it has the
//! place that the allocator chose.

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
