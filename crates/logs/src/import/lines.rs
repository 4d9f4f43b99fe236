//! Lines of bounded length.

use std::io::{self, BufRead, Read};

use memchr::memchr;

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
    /// What the next call has to pass before its line begins.
    passed: usize,
    /// A line that does not lie whole in the input's buffer.
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines { input, passed: 0, line: Vec::new() }
    }

    /// The next line, where it lies in the input's buffer if it lies there whole.
    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        self.input.consume(std::mem::take(&mut self.passed));
        let end = match self.input.fill_buf() {
            Ok(bytes) => memchr(b'\n', bytes),
            // Reading in pieces tries again.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) => return Err(error),
        };
        match end.filter(|&end| end <= LONGEST_LINE) {
            Some(end) => {
                self.passed = end + 1;
                Ok(Line::Whole(without_return(&self.input.fill_buf()?[..end])))
            }
            None => self.next_in_pieces(),
        }
    }

    fn next_in_pieces(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        self.input.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut self.line)?;
        match self.line.as_slice() {
            [] => Ok(Line::End),
            [line @ .., b'\n'] => Ok(Line::Whole(without_return(line))),
            line if line.len() > LONGEST_LINE => {
                self.input.skip_until(b'\n')?;
                Ok(Line::TooLong)
            }
            line => Ok(Line::Whole(line)),
        }
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// An input in which no line may be longer than [`LONGEST_LINE`]: one that is ends it with an
/// error, before a reader that keeps lines whole has filled the memory.
pub(super) struct BoundedLines<R> {
    input: R,
    /// Bytes of the line at hand.
    length: usize,
}

impl<R: BufRead> BoundedLines<R> {
    pub(super) fn new(input: R) -> Self {
        BoundedLines { input, length: 0 }
    }

    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.length = match bytes.iter().rposition(|&byte| byte == b'\n') {
            Some(end) => bytes.len() - end - 1,
            None => self.length + bytes.len(),
        };
        if self.length > LONGEST_LINE {
            return Err(io::Error::other(format!("a line is longer than {LONGEST_LINE} bytes")));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for BoundedLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.count(&buffer[..read])?;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for BoundedLines<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.input.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.input.consume(amount);
    }
}
