//! Ways of seeing what a program puts on a bus while it runs.
//!
//! Each takes a command and the windows to watch, runs the program unmodified, and puts the
//! records of a [trace](busprobe_trace) into a sink as they happen.

pub mod inprocess;
mod module_name;
pub mod native;
mod outcome;
pub mod qemu;
mod select;
mod terminal;
mod watch;

pub use outcome::Outcome;
pub use select::{Filter, Selected, Selection, Trigger};
pub use watch::Watch;
