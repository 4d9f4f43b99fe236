//! Other tools' logs as traces.
//!
//! A log is a text of lines. Its [`Format`] is found from the first line that one of them
//! recognises, or given. Lines that belong to something else (a kernel's messages, another trace
//! event) are counted and passed over; a line that begins as the format's own but cannot be read
//! is an [`ImportError`] that names it, and reading goes on after it. Whatever was not seen, in
//! the log's own words or by what is wrong with it, becomes a [`Loss`](busprobe_trace::Loss).

mod axi4_lite;
mod dynamorio;
mod error;
mod format;
mod ila;
mod lackey;
mod lines;
mod mmiotrace;
mod out;
mod qemu_mem;
mod qemu_trace;
mod ram_write;
mod renode;
mod rwmmio;
mod scan;
mod sites;
pub mod waveform;
mod windows;

use std::io::{BufRead, Chain, Cursor, Read};

use busprobe_trace::{Capture, Header, LossKind, Record};

pub use error::ImportError;
pub use format::Format;
pub use windows::Range;

use lines::{Line, Lines};
use out::Out;

/// What to import, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The log's format; `None` to find it from the log itself.
    pub format: Option<Format>,
    /// The windows of the trace, as the log counts addresses; accesses outside are left out and
    /// counted. When empty, the log's own regions are the windows, or all addresses are one.
    pub windows: Vec<Range>,
    /// A write that begins at this address, as the log counts addresses, is a mark named by the
    /// value in hexadecimal, and no access.
    pub mark: Option<u64>,
}

/// What an import has met so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines of the log.
    pub lines: u64,
    /// Accesses put into the trace.
    pub accesses: u64,
    /// Lines of other things, passed over.
    pub foreign: u64,
    /// The first of them.
    pub first_foreign: Option<u64>,
    /// Another known format that foreign lines are of, and the first such line.
    pub mixed: Option<(Format, u64)>,
    /// Lines that could not be read.
    pub damaged: u64,
    /// Accesses outside every given window, left out.
    pub outside: u64,
    /// Accesses that the log shows once more because one region lies within another.
    pub nested: u64,
    /// The first line whose time is before that of a line above it.
    pub backwards: Option<u64>,
}

impl Summary {
    /// Whether the trace is all that the log says, in an order that can be trusted: no line was
    /// damaged or of another format, and time did not go backwards.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.mixed.is_none() && self.backwards.is_none()
    }
}

/// Whether a line was the format's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Own,
    Foreign,
}

/// What a line of the format should have been and was not.
type Expected = &'static str;

/// One tool's way of writing accesses down, line by line.
trait Dialect {
    /// Puts what `line` says into `out`.
    fn read(&mut self, line: &[u8], out: &mut Out) -> Result<Reading, Expected>;

    /// Puts what it still held back.
    fn finish(&mut self, _out: &mut Out) {}
}

/// The records of a log, read as they are asked for.
pub struct Import<R> {
    lines: Lines<Chain<Cursor<Vec<u8>>, R>>,
    format: Format,
    dialect: Box<dyn Dialect + Send>,
    out: Out,
    summary: Summary,
    first_damaged: u64,
    ended: bool,
}

impl<R: BufRead> Import<R> {
    /// Begins to read `input`, as far as it takes to know its format.
    ///
    /// # Errors
    /// [`ImportError::Unknown`] when no format was given and none is recognised, and what the
    /// input itself says.
    pub fn new(mut input: R, options: &Options) -> Result<Self, ImportError> {
        let (format, begun) = match options.format {
            Some(format) => (format, Vec::new()),
            None => format::find(&mut input)?,
        };
        let header = Header::new(format.level(), Capture::Import, "unknown");
        Ok(Import {
            lines: Lines::new(Cursor::new(begun).chain(input)),
            format,
            dialect: format.dialect(),
            out: Out::new(header, options),
            summary: Summary::default(),
            first_damaged: 0,
            ended: false,
        })
    }

    /// The format that was found or given.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What was met so far; complete when the iterator has ended.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let Out { accesses, outside, nested, backwards, .. } = self.out;
        Summary { accesses, outside, nested, backwards, ..self.summary.clone() }
    }

    /// Reads one line; `Ok(false)` at the end of the log.
    fn step(&mut self) -> Result<bool, ImportError> {
        let number = self.summary.lines + 1;
        let line = match self.lines.next() {
            Ok(Line::Whole(line)) => line,
            Ok(Line::TooLong) => {
                self.summary.lines = number;
                self.damaged();
                return Err(ImportError::TooLong { line: number });
            }
            Ok(Line::End) => return Ok(false),
            Err(source) => {
                self.ended = true;
                return Err(ImportError::Io { line: number, source });
            }
        };
        self.summary.lines = number;
        self.out.line = number;
        match self.dialect.read(line, &mut self.out) {
            Ok(Reading::Own) => {}
            Ok(Reading::Foreign) => {
                self.summary.foreign += 1;
                self.summary.first_foreign.get_or_insert(number);
                if self.summary.mixed.is_none() {
                    self.summary.mixed = Format::of_line(line).map(|format| (format, number));
                }
            }
            Err(expected) => {
                let error = ImportError::line(number, expected, line);
                self.damaged();
                return Err(error);
            }
        }
        Ok(true)
    }

    fn damaged(&mut self) {
        if self.summary.damaged == 0 {
            self.first_damaged = self.summary.lines;
        }
        self.summary.damaged += 1;
    }

    /// What the whole log leaves unsaid.
    fn end(&mut self) {
        self.ended = true;
        self.dialect.finish(&mut self.out);
        self.out.end();
        if self.summary.damaged > 0 {
            self.out.loss(
                LossKind::Missed,
                format!(
                    "lines of the log could not be read: {}, the first is line {}",
                    self.summary.damaged, self.first_damaged
                ),
                Some(self.summary.damaged),
            );
        }
    }
}

impl<R: BufRead> Iterator for Import<R> {
    type Item = Result<Record, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.out.next() {
                return Some(Ok(record));
            }
            if self.ended {
                return None;
            }
            match self.step() {
                Ok(true) => {}
                Ok(false) => self.end(),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
