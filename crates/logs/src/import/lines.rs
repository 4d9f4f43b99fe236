//! Lines of bounded length.

use std::io::{self, BufRead, Read};

/// Longer lines than this are passed over, so that no log fills the memory.
pub(super) const LONGEST_LINE: usize = 1 << 20;

pub(super) enum Line<'a> {
    /// A line without its end (`\n` or `\r\n`).
    Whole(&'a [u8]),
    /// A line beyond [`LONGEST_LINE`]; the next call begins after it.
    TooLong,
    End,
}

pub(super) struct Lines<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, line: Vec::new() }
    }

    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        self.input.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut self.line)?;
        match self.line.as_slice() {
            [] => Ok(Line::End),
            [line @ .., b'\r', b'\n'] | [line @ .., b'\n'] => Ok(Line::Whole(line)),
            line if line.len() > LONGEST_LINE => {
                self.input.skip_until(b'\n')?;
                Ok(Line::TooLong)
            }
            line => Ok(Line::Whole(line)),
        }
    }
}
