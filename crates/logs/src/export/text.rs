//! The formats of lines that the trace itself knows.

use std::io::{self, Write};

use busprobe_trace::{Record, Sink, jsonl, text};

use super::Exporter;

/// A sink whose file is complete after every record.
struct Complete<S>(S);

pub(super) fn lines(out: impl Write + 'static) -> Box<dyn Exporter> {
    Box::new(Complete(text::Writer::new(out)))
}

pub(super) fn jsonl(out: impl Write + 'static) -> Box<dyn Exporter> {
    Box::new(Complete(jsonl::Writer::new(out)))
}

impl<S: Sink> Sink for Complete<S> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.0.put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<S: Sink> Exporter for Complete<S> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()
    }
}
