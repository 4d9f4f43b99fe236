//! Other tools' logs, read as traces: one file a format.
//!
//! Every importer is a streaming reader: an iterator over the records of a trace, the header and
//! the windows first, in the memory of one line.

mod lines;
pub mod qemu_trace;

use std::io;

use thiserror::Error;

/// Why a log could not be read further.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A line is not what the format has there.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: u64,
        /// What was expected, and what was found.
        what: String,
    },
    /// The log holds nothing of the kind that the importer reads.
    #[error("none of the {lines} lines {expected}")]
    WrongLog {
        /// How many there are.
        lines: u64,
        /// What a line of the right log is, and how to get one.
        expected: &'static str,
    },
    /// The log could not be read.
    #[error("line {line}: {source}")]
    Io {
        /// From 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}
