//! Where an import comes from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, StdinLock};
use std::path::Path;
use std::str::FromStr;

use busprobe_logs::import::{Format, waveform};

use crate::trouble::Trouble;

/// The format of another tool's file.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Log(Format),
    Waveform(waveform::Format),
}

impl Source {
    pub(super) fn log(self) -> Option<Format> {
        match self {
            Source::Log(format) => Some(format),
            Source::Waveform(_) => None,
        }
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let waveforms = waveform::Format::ALL;
        if let Some(format) = waveforms.iter().find(|format| format.name() == name) {
            return Ok(Source::Waveform(*format));
        }
        name.parse().map(Source::Log).map_err(|error| {
            let names: Vec<&str> = waveforms.iter().map(|format| format.name()).collect();
            format!("{error}, {}", names.join(", "))
        })
    }
}

/// A file, or standard input.
pub(crate) enum Input {
    File(BufReader<File>),
    Standard(StdinLock<'static>),
}

impl Input {
    pub(crate) fn open(path: &Path) -> Result<Self, Trouble> {
        if path == Path::new("-") {
            return Ok(Input::Standard(io::stdin().lock()));
        }
        let file = File::open(path).map_err(|error| Trouble::of_file(path, &error))?;
        Ok(Input::File(BufReader::with_capacity(1 << 18, file)))
    }

    /// Its first bytes, which stay there to be read.
    pub(crate) fn beginning(&mut self) -> io::Result<&[u8]> {
        match self {
            Input::File(file) => file.fill_buf(),
            Input::Standard(input) => input.fill_buf(),
        }
    }

    /// What can be read from beginning to end.
    pub(crate) fn read(self) -> Box<dyn BufRead> {
        match self {
            Input::File(file) => Box::new(file),
            Input::Standard(input) => Box::new(input),
        }
    }
}
