//! The trace that a command writes of what it did.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use busprobe_mmio::Window;
use busprobe_trace::{Access, Capture, Header, Level, Record, Sink, jsonl};

use crate::trouble::Trouble;

/// Where the accesses are written down, if anywhere.
pub(crate) struct Log {
    path: PathBuf,
    writer: jsonl::Writer<BufWriter<File>>,
    seq: u64,
}

impl Log {
    /// Begins the file, before the first access: what cannot be written down is not done.
    pub(crate) fn create(path: &Path, window: &Window) -> Result<Self, Trouble> {
        let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
        let writer = jsonl::Writer::new(BufWriter::new(file));
        let mut log = Log { path: path.to_owned(), writer, seq: 0 };
        let mut header = Header::new(Level::Instruction, Capture::Native, std::env::consts::ARCH);
        header.command = std::env::args().collect();
        let window = busprobe_trace::Window {
            id: 0,
            name: window.name().to_owned(),
            base: window.base(),
            length: window.len(),
        };
        log.put(&Record::Trace(header))?;
        log.put(&Record::Window(window))?;
        Ok(log)
    }

    /// Writes down accesses that were made.
    pub(crate) fn note(&mut self, accesses: impl Iterator<Item = Access>) -> Result<(), Trouble> {
        for access in accesses {
            let access = Access { seq: self.seq, thread: std::process::id(), ..access };
            self.seq += 1;
            self.put(&Record::Access(access))?;
        }
        Ok(())
    }

    /// Makes the file whole.
    pub(crate) fn finish(&mut self) -> Result<(), Trouble> {
        let flushed = self.writer.flush();
        self.named(flushed)
    }

    fn put(&mut self, record: &Record) -> Result<(), Trouble> {
        let put = self.writer.put(record);
        self.named(put)
    }

    fn named(&self, result: io::Result<()>) -> Result<(), Trouble> {
        result.map_err(|error| Trouble::of_file(&self.path, &error))
    }
}
