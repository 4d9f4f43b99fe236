//! Traces as JSON Lines: one object a record, the header first.
//!
//! ```text
//! {"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64"}
//! {"t":"window","id":0,"name":"file:win.bin","length":4096}
//! {"t":"access","seq":0,"dir":"W","window":0,"offset":0,"size":4,"data":"0x00000001","thread":812}
//! ```
//! Numbers are decimal; data is a string, see [`Data`](crate::Data). A file may end anywhere: what
//! is whole is read, and the cut becomes a [`Loss`].

mod access;

use std::io::{self, BufRead, Read, Write};

use thiserror::Error;

use crate::{Header, Loss, LossKind, Record, Sink, Trace};

/// Longer lines than this are no records of ours: the longest is a [`Repeat`](crate::Repeat) of
/// elements of 8 bytes, two digits a byte.
const LONGEST_LINE: u64 = 1 << 21;

/// Why a line could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file does not begin as a trace does.
    #[error(
        "line 1: not a busprobe trace: it has to begin with {{\"t\":\"trace\",...}}; \
         another tool's log is read by `busprobe import`"
    )]
    NotATrace,
    /// The trace is of a format that came later.
    #[error("line 1: format version {found}, and this busprobe reads up to {}", Header::VERSION)]
    Version {
        /// What the file says.
        found: u32,
    },
    /// A line is no record.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: u64,
        /// What was expected there.
        what: String,
    },
    /// The file could not be read.
    #[error("line {line}: {source}")]
    Io {
        /// From 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes records as they come.
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Records to `out`; give it a buffered one.
    pub fn new(out: W) -> Self {
        Writer { out, line: Vec::new() }
    }
}

impl<W: Write> Sink for Writer<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.line.clear();
        if let Record::Access(access) = record {
            access::write(access, &mut self.line);
        } else {
            serde_json::to_writer(&mut self.line, record)?;
            self.line.push(b'\n');
        }
        self.out.write_all(&self.line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writes a whole trace.
///
/// # Errors
/// What `out` says.
pub fn write<W: Write>(trace: &Trace, out: W) -> io::Result<()> {
    let mut writer = Writer::new(out);
    trace.records().try_for_each(|record| writer.put(&record))?;
    writer.flush()
}

/// Reads records one by one, in constant memory.
pub struct Reader<R> {
    input: R,
    line: u64,
    text: Vec<u8>,
    events: u64,
    done: bool,
}

impl<R: BufRead> Reader<R> {
    /// Records from `input`.
    pub fn new(input: R) -> Self {
        Reader { input, line: 0, text: Vec::new(), events: 0, done: false }
    }

    /// The next line into `self.text`; whether there was one.
    fn next_line(&mut self) -> Result<bool, ReadError> {
        self.line += 1;
        self.text.clear();
        let line = self.line;
        self.input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut self.text)
            .map_err(|source| ReadError::Io { line, source })?;
        if self.text.len() as u64 == LONGEST_LINE && !self.text.ends_with(b"\n") {
            let what = format!("no record is longer than {LONGEST_LINE} bytes");
            return Err(ReadError::Line { line, what });
        }
        Ok(!self.text.is_empty())
    }

    fn next_record(&mut self) -> Result<Option<Record>, ReadError> {
        if !self.next_line()? {
            return if self.line == 1 { Err(ReadError::NotATrace) } else { Ok(None) };
        }
        let record = match serde_json::from_slice(&self.text) {
            Ok(record) => record,
            Err(_) if self.line == 1 => return Err(ReadError::NotATrace),
            Err(_) if !self.text.ends_with(b"\n") => return Ok(Some(self.cut_off())),
            Err(error) => {
                // serde_json adds a place of its own, which counts lines from this one.
                let what = error.to_string();
                let what = what.split(" at line 1").next().unwrap_or_default().to_owned();
                return Err(ReadError::Line { line: self.line, what });
            }
        };
        match &record {
            Record::Trace(header) if header.version > Header::VERSION => {
                return Err(ReadError::Version { found: header.version });
            }
            Record::Trace(_) if self.line > 1 => {
                let what = "a second header: two traces in one file".to_owned();
                return Err(ReadError::Line { line: self.line, what });
            }
            Record::Trace(_) => {}
            _ if self.line == 1 => return Err(ReadError::NotATrace),
            Record::Access(access) => {
                if let Err(what) = access.validate() {
                    return Err(ReadError::Line { line: self.line, what });
                }
                self.events += 1;
            }
            Record::Repeat(repeat) => {
                if let Err(what) = repeat.validate() {
                    return Err(ReadError::Line { line: self.line, what });
                }
                self.events += u64::from(repeat.count);
            }
            Record::Syscall(_) | Record::Mark(_) | Record::Loss(_) => self.events += 1,
            Record::Window(_) | Record::Site(_) => {}
        }
        Ok(Some(record))
    }

    fn cut_off(&mut self) -> Record {
        self.done = true;
        let detail = self.cut_off_here();
        Record::Loss(Loss { seq: self.events, kind: LossKind::CutOff, detail, count: None })
    }

    fn cut_off_here(&self) -> String {
        format!("the trace was cut off in line {}; all before it is here", self.line)
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Record, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.next_record();
        self.done |= !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

/// What a trace says anywhere that was not seen, a sentence each, in order. That is true of all of
/// it, so who judges a trace piece by piece asks before the first piece.
///
/// Records of other kinds are passed over, whether they can be read or not, and the end is where
/// reading fails: a [`Reader`] says why.
#[must_use]
pub fn unseen<R: BufRead>(input: R) -> Vec<String> {
    let mut reader = Reader::new(input);
    let mut sentences = Vec::new();
    while let Ok(true) = reader.next_line() {
        let is_whole = reader.text.ends_with(b"\n");
        let text = str::from_utf8(&reader.text).unwrap_or_default();
        if is_whole && !text.contains("\"loss\"") {
            continue;
        }
        match serde_json::from_str(text) {
            Ok(Record::Loss(loss)) => sentences.push(loss.detail),
            Err(_) if !is_whole && reader.line > 1 => sentences.push(reader.cut_off_here()),
            _ => {}
        }
    }
    sentences
}

/// Reads a whole trace into memory.
///
/// # Errors
/// The first line that is no record; what came before it is lost to the caller, who can use a
/// [`Reader`] to keep it.
pub fn read<R: BufRead>(input: R) -> Result<Trace, ReadError> {
    let mut reader = Reader::new(input);
    let Some(Record::Trace(header)) = reader.next().transpose()? else {
        return Err(ReadError::NotATrace);
    };
    let mut trace = Trace::new(header);
    for record in reader {
        trace.push(record?);
    }
    Ok(trace)
}
