//! In-process capture: a program watches its own windows for a while, from within.
//!
//! As in [native capture](crate::native), a watched mapping is mapped a second time, the *alias*,
//! and the window's pages are made inaccessible. An access to them faults in the thread that makes
//! it; that thread's signal handler moves the address to the alias, and lets the instruction run,
//! from a copy with a breakpoint behind it, or in its place with the CPU's trap flag set; the
//! handler of the trap moves the address back and notes the registers. What they mean is worked out
//! when the trace is asked for.
//!
//! ```no_run
//! use busprobe_capture::inprocess::{Region, Watching};
//!
//! # let (start, length) = (0, 0);
//! let watching = Watching::start(&[Region { name: "dma".into(), base: None, start, length }])?;
//! // ... any thread uses the window ...
//! let trace = watching.finish()?;
//! # Ok::<(), busprobe_capture::inprocess::Error>(())
//! ```
//!
//! # What runs where
//! ```text
//! window touched -> handler: plan known?  -> run on the alias -> handler: note -> log
//!                        \-> no: planner thread decodes, finds a way ->/
//! ```
//! A handler may interrupt anything, so it allocates nothing, takes no lock and decodes nothing:
//! it looks up a plan by the instruction's address. An instruction that has no plan is a question
//! to the planner, a thread of its own, and the handler waits for the answer.
//!
//! # What it does not see
//! - A system call that is given a pointer into the window fails with `EFAULT`.
//! - A forked child is not watched; its windows are as they were. It can watch them itself.
//! - A thread that blocks SIGSEGV or SIGTRAP must not touch the window: the kernel ends the
//!   process.
//! - A handler for one of these that the program installs meanwhile gets the faults instead.
//!
//! Only x86-64 lets a program step itself. Elsewhere [`Watching::start`] fails, and the command
//! `busprobe trace` serves.

#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
mod error;
mod region;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(not(target_arch = "x86_64"))]
pub use elsewhere::{Watching, mark};
pub use error::Error;
pub use region::Region;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{Watching, mark};
