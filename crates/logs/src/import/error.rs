//! What stands in the way of a log.

use std::io;

use thiserror::Error;

use super::Format;
use super::lines::LONGEST_LINE;

/// How much of a line an error shows.
const SHOWN: usize = 80;

/// Why a log, or a line of it, could not be read.
#[derive(Debug, Error)]
pub enum ImportError {
    /// The log is of no known format.
    #[error(
        "{what}; known formats are {}: if it is one of them, name it with --format",
        Format::names()
    )]
    Unknown {
        /// What was looked at.
        what: String,
    },
    /// A line of the format is not as it should be.
    #[error("line {line}: expected {expected}, found \"{found}\"")]
    Line {
        /// From 1.
        line: u64,
        /// What should have been there.
        expected: &'static str,
        /// The line, or its beginning.
        found: String,
    },
    /// A line is too long to be one of a log.
    #[error("line {line}: longer than {LONGEST_LINE} bytes, so it is no line of a log")]
    TooLong {
        /// From 1.
        line: u64,
    },
    /// The log could not be read any further.
    #[error("line {line}: {source}")]
    Io {
        /// From 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}

impl ImportError {
    pub(super) fn line(line: u64, expected: &'static str, found: &[u8]) -> Self {
        let shown = found.get(..SHOWN).unwrap_or(found);
        let mut found_text = shown.escape_ascii().to_string();
        if shown.len() < found.len() {
            found_text.push_str("...");
        }
        ImportError::Line { line, expected, found: found_text }
    }
}
