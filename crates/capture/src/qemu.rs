//! Running a whole program for another machine under QEMU's user-mode emulation, with the plugin
//! `busprobe-qemu` in it.
//!
//! ```text
//! command, sysroot --> program --> emulator --> QEMU with the plugin
//!                                                     | a pipe
//!                          sink <-- recorder <-- steps joined
//! ```
//! QEMU reports the steps in which it did an access; steps of one run of an instruction are joined,
//! so that the trace shows what the instruction issued, as a native trace does.
//!
//! ```no_run
//! use busprobe_capture::Watch;
//! use busprobe_capture::qemu::Capture;
//! use busprobe_trace::{Header, Level, Trace};
//!
//! let header = Header::new(Level::Instruction, busprobe_trace::Capture::Qemu, "aarch64");
//! let mut trace = Trace::new(header);
//! let outcome = Capture::new(["python3", "script.py"])
//!     .sysroot("debian-arm64")
//!     .cpu("cortex-a57")
//!     .watch(Watch::file("win.bin", 0..4096))
//!     .run(&mut trace)?;
//! println!("{} accesses, exit status {}", outcome.accesses, outcome.status);
//! # Ok::<(), busprobe_capture::qemu::Error>(())
//! ```
//!
//! What is not seen is programs that the program starts by `execve` (reported as a loss), and what
//! `busprobe-qemu` says of itself.

mod capture;
mod emulator;
mod error;
mod image;
mod join;
mod plugin;
mod program;
mod recorder;
mod sites;
mod syscalls;

pub use capture::Capture;
pub use error::Error;
