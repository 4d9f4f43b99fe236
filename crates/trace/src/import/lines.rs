//! Numbered lines of a log of any size, in the memory of one line.

use std::io::{BufRead, Read};

use super::ImportError;

/// A line longer than this is not a log's.
const LONGEST_LINE: u64 = 1 << 16;

pub(super) struct Lines<R> {
    input: R,
    number: u64,
    bytes: Vec<u8>,
}

/// One line without its end.
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u64,
    /// Bytes that are not UTF-8 are replaced.
    pub(super) text: std::borrow::Cow<'a, str>,
    /// Whether the end was there: the last line of a log that was cut off has none.
    pub(super) is_whole: bool,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, number: 0, bytes: Vec::new() }
    }

    /// How many have been read.
    pub(super) fn count(&self) -> u64 {
        self.number
    }

    pub(super) fn next(&mut self) -> Result<Option<Line<'_>>, ImportError> {
        let line = self.number + 1;
        self.bytes.clear();
        self.input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.bytes)
            .map_err(|source| ImportError::Io { line, source })?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        self.number = line;
        let is_whole = self.bytes.ends_with(b"\n");
        if !is_whole && self.bytes.len() as u64 == LONGEST_LINE {
            let what = format!("no line of a log is longer than {LONGEST_LINE} bytes");
            return Err(ImportError::Line { line, what });
        }
        let text = self.bytes.trim_ascii_end();
        Ok(Some(Line { number: line, text: String::from_utf8_lossy(text), is_whole }))
    }
}
