//! Traces as other tools read them: one file a format.
//!
//! An [`Exporter`] takes records as they come and writes them at once, in constant memory.

mod csv;
mod format;
mod fst;
mod perfetto;
mod text;
mod vcd;
mod wave;

use std::io::{self, Seek, SeekFrom, Write};

use busprobe_trace::{Record, Sink};

pub use format::{Format, FormatError};
pub(crate) use wave::WIRES;

/// A trace on its way to another tool.
pub trait Exporter: Sink {
    /// Writes what can only come at the end. Without it the file may not be readable.
    ///
    /// # Errors
    /// As [`Sink::put`].
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A file, or what can be written to as to one.
pub trait File: Write + Seek + Send {}

impl<F: Write + Seek + Send> File for F {}

/// A pipe or a terminal in the place of a file; it cannot go back.
pub struct Stream<W>(pub W);

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<W> Seek for Stream<W> {
    fn seek(&mut self, _to: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::NotSeekable.into())
    }
}

/// Puts all records into an exporter and ends it.
///
/// # Errors
/// As [`Sink::put`].
pub fn export(
    records: impl IntoIterator<Item = Record>,
    mut exporter: Box<dyn Exporter>,
) -> io::Result<()> {
    records.into_iter().try_for_each(|record| exporter.put(&record))?;
    exporter.finish()
}
