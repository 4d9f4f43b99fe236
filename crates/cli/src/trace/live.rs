//! Where the records go as they happen.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, LineWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use busprobe_trace::{Record, Sink, jsonl, text};

use super::progress::Progress;
use crate::keep::Keep;
use crate::trouble::Trouble;

/// A trace on its way: the first part of it is kept to be judged, all of it is shown or written.
pub(super) struct Live {
    keep: Keep,
    out: Box<dyn Sink>,
    progress: Option<Progress>,
}

impl Live {
    /// Text to standard error, or lines to a file and, on a terminal, how far it is.
    pub(super) fn new(output: Option<&Path>) -> Result<Live, Trouble> {
        let keep = Keep::new();
        let Some(path) = output else {
            // One line at a time, and not one call for each of its words.
            let out = Box::new(text::Writer::new(LineWriter::new(io::stderr())));
            return Ok(Live { keep, out, progress: None });
        };
        let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
        let out = Box::new(Flushed::new(jsonl::Writer::new(BufWriter::new(file))));
        let progress = io::stderr().is_terminal().then(Progress::new);
        Ok(Live { keep, out, progress })
    }

    /// What was kept.
    pub(super) fn end(self) -> Keep {
        self.keep
    }
}

impl Sink for Live {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.keep.put(record)?;
        if let Some(progress) = &mut self.progress {
            match record {
                Record::Access(_) => progress.count(1),
                Record::Repeat(repeat) => progress.count(repeat.count.into()),
                _ => {}
            }
        }
        self.out.put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A file that is never far behind, so that little is lost when busprobe is killed.
struct Flushed<W: Write> {
    out: jsonl::Writer<W>,
    since: Instant,
    records: u32,
}

impl<W: Write> Flushed<W> {
    const MOST_RECORDS: u32 = 1000;
    const LONGEST: Duration = Duration::from_secs(1);

    fn new(out: jsonl::Writer<W>) -> Self {
        Flushed { out, since: Instant::now(), records: 0 }
    }
}

impl<W: Write> Sink for Flushed<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.out.put(record)?;
        self.records += 1;
        if self.records >= Self::MOST_RECORDS || self.since.elapsed() >= Self::LONGEST {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.records = 0;
        self.since = Instant::now();
        self.out.flush()
    }
}
