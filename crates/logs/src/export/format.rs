//! The formats that go out.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use busprobe_verdict::Bus;

use super::{Exporter, File, csv, fst, perfetto, text, vcd};

/// What another tool reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One line an event, for people.
    Text,
    /// busprobe's own JSON Lines.
    Jsonl,
    /// Comma-separated values, a row an event.
    Csv,
    /// A waveform: value change dump (IEEE 1364-2005 clause 18).
    Vcd,
    /// A waveform: `GTKWave`'s fast signal trace.
    Fst,
    /// The Trace Event Format that Perfetto and Chrome's viewer read.
    Perfetto,
    /// Columns, for archives and for `DuckDB`, Polars and Spark.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl Format {
    /// Every format.
    pub const ALL: &[Format] = &[
        Format::Text,
        Format::Jsonl,
        Format::Csv,
        Format::Vcd,
        Format::Fst,
        Format::Perfetto,
        #[cfg(feature = "parquet")]
        Format::Parquet,
    ];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Jsonl => "jsonl",
            Format::Csv => "csv",
            Format::Vcd => "vcd",
            Format::Fst => "fst",
            Format::Perfetto => "perfetto",
            #[cfg(feature = "parquet")]
            Format::Parquet => "parquet",
        }
    }

    /// The format of a file with this name.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Format> {
        match extension {
            "txt" | "log" => Some(Format::Text),
            "json" => Some(Format::Perfetto),
            name => name.parse().ok(),
        }
    }

    /// Whether the exporter goes back in its file, so that it cannot be a
    /// [`Stream`](super::Stream).
    #[must_use]
    pub fn goes_back(self) -> bool {
        self == Format::Fst
    }

    /// Writes to `out`. The bus decides what beats a waveform shows.
    pub fn exporter(self, out: impl File + 'static, bus: Arc<dyn Bus>) -> Box<dyn Exporter> {
        match self {
            Format::Text => text::lines(out),
            Format::Jsonl => text::jsonl(out),
            Format::Csv => Box::new(csv::Csv::new(out)),
            Format::Vcd => Box::new(vcd::exporter(out, bus)),
            Format::Fst => Box::new(fst::exporter(out, bus)),
            Format::Perfetto => Box::new(perfetto::Perfetto::new(out)),
            #[cfg(feature = "parquet")]
            Format::Parquet => Box::new(crate::parquet::Writer::new(out)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, thiserror::Error)]
#[error("no format is called {0:?}; known are {names}", names = names())]
pub struct FormatError(String);

fn names() -> String {
    Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let known = Format::ALL.iter().copied().find(|format| format.name() == name);
        known.ok_or_else(|| FormatError(name.to_owned()))
    }
}
