//! Rows of values behind their offset, for people.
//!
//! ```text
//! 0x0010: 0x13121110 0x17161514 0x???????? 0x1f1e1d1c
//! ```

use std::io::{self, Write};

use busprobe_mmio::Run;

use crate::access::form::{Form, digits, padded};

/// Bytes of a row.
const ROW: u64 = 16;

/// Writes rows.
pub(crate) struct Writer {
    run: Run,
    done: u64,
    offset_length: usize,
}

impl Writer {
    /// Rows of an ascending run.
    pub(crate) fn new(run: Run) -> Self {
        let last = run.offset + run.count * run.width.bytes();
        Writer { run, done: 0, offset_length: format!("{last:x}").len().max(4) + 2 }
    }
}

impl Form for Writer {
    fn put(&mut self, out: &mut dyn Write, value: Option<u64>) -> io::Result<()> {
        let width = self.run.width;
        let bytes = self.done * width.bytes();
        if bytes.is_multiple_of(ROW) {
            let start = if self.done == 0 { "" } else { "\n" };
            let (offset, length) = (self.run.offset + bytes, self.offset_length);
            write!(out, "{start}{offset:#0length$x}:")?;
        }
        self.done += 1;
        match value {
            Some(value) => write!(out, " {}", padded(value, width)),
            None => write!(out, " 0x{}", "?".repeat(digits(width))),
        }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out)
    }
}
