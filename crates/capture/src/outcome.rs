//! How a capture ended.

use std::io;

/// How a capture ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The program's exit status, or 128 and the signal that ended it.
    pub status: i32,
    /// Whether the program was let go, and runs on.
    pub let_go: bool,
    /// How many accesses were recorded.
    pub accesses: u64,
    /// How many system calls into a window were recorded.
    pub syscalls: u64,
    /// How many losses were recorded.
    pub losses: u64,
    /// Why the sink took no more records, if it did not; the program ran on to its end.
    pub sink_error: Option<io::Error>,
}
