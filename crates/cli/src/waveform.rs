//! `busprobe import` of a simulation's waveform: what an AXI4-Lite link in it carried.

use std::fs::File;
use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

use busprobe_trace::{Record, Sink, jsonl, vcd};

use crate::import::Args;
use crate::trouble::Trouble;

/// Whether a file begins as VCD does, with a `$keyword`, and as no log does.
pub(crate) fn begins(input: &mut impl BufRead) -> io::Result<bool> {
    Ok(input.fill_buf()?.trim_ascii_start().starts_with(b"$"))
}

/// Writes the trace of the link that `args` names, or of the only one.
pub(crate) fn import(args: &Args, input: impl BufRead) -> Result<ExitCode, Trouble> {
    let only = match args.windows()[..] {
        [] => None,
        [window] => Some(window.base..=window.base + (window.length - 1)),
        _ => return Err(Trouble::new("a waveform's link is one window: give one --window")),
    };
    let options = vcd::Options { link: args.link.as_deref(), clock: args.clock.as_deref(), only };
    let out: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).map_err(|error| Trouble::of_file(path, &error))?),
        None => Box::new(io::stdout().lock()),
    };
    let mut sink = Counted { out: jsonl::Writer::new(BufWriter::new(out)), accesses: 0 };
    let read = vcd::read(input, &options, &mut sink);
    sink.flush()?;
    let of_log = |what: &str| Trouble::new(format!("{}: {what}", args.log.display()));
    read.map_err(|error| {
        let help = match error {
            vcd::ReadError::Links { .. } => " with --link",
            vcd::ReadError::NoClock { .. } => " with --clock",
            _ => "",
        };
        of_log(&format!("{error}{help}"))
    })?;
    if sink.accesses == 0 {
        return Err(of_log("the link carried nothing, or nothing in the given window"));
    }
    let noun = if sink.accesses == 1 { "access" } else { "accesses" };
    eprintln!("busprobe: {}: waveform: {} {noun}", args.log.display(), sink.accesses);
    Ok(ExitCode::SUCCESS)
}

/// A trace that counts its accesses.
struct Counted<W: Write> {
    out: jsonl::Writer<W>,
    accesses: u64,
}

impl<W: Write> Sink for Counted<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.accesses += u64::from(matches!(record, Record::Access(_)));
        self.out.put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
