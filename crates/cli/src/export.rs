//! `busprobe export`: a trace as another tool reads it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use busprobe_logs::export::{Exporter, Format, Stream, export};
use busprobe_verdict::Bus;

use crate::judging::parse_bus;
use crate::trace_file::{self, Damage};
use crate::trouble::Trouble;

/// Write a trace as another tool reads it: text, JSON Lines, CSV, VCD, FST, Perfetto
/// or Parquet.
///
/// The format follows from the name of the file, or --format gives it. Waveforms (VCD, FST) show
/// the beats on the chosen bus, one pulse of `valid` each.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe export block.jsonl -o block.fst")]
pub(crate) struct Args {
    /// The trace, as `busprobe trace -o` writes it; - for standard input
    trace: PathBuf,

    /// text, jsonl, csv, vcd, fst, perfetto or parquet
    #[arg(long)]
    format: Option<Format>,

    /// Where it goes; standard output when not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The bus whose beats a waveform shows: axi4-lite-32, axi4-lite-64, beats:BITS, device (as
    /// issued), wc-x86 or normal-nc-arm (write-combining)
    #[arg(long, default_value = "axi4-lite-32", value_parser = parse_bus)]
    bus: Arc<dyn Bus>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let format = format(args)?;
    let mut damage = None;
    let records = trace_file::open(&args.trace)?.map_while(|record| match record {
        Ok(record) => Some(record),
        Err(error) => {
            damage = Some(error);
            None
        }
    });
    let mut records = records.peekable();
    // What is no trace leaves no file.
    if records.peek().is_some() {
        export(records, exporter(args, format)?).map_err(|error| match &args.output {
            Some(path) => Trouble::of_file(path, &error),
            None => Trouble::from(error),
        })?;
    } else {
        drop(records);
    }
    match damage {
        Some(damage) => Err(damaged(args, &damage)),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn format(args: &Args) -> Result<Format, Trouble> {
    let extension = || args.output.as_ref()?.extension()?.to_str();
    let format = match args.format {
        Some(format) => format,
        None => extension().and_then(Format::of_extension).ok_or_else(|| {
            let known = Format::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            Trouble::new(format!("which format? give --format with one of {known}"))
        })?,
    };
    if format.goes_back() && args.output.is_none() {
        return Err(Trouble::new(format!("{format} cannot be written to a pipe: give -o FILE")));
    }
    Ok(format)
}

fn exporter(args: &Args, format: Format) -> Result<Box<dyn Exporter>, Trouble> {
    let bus = Arc::clone(&args.bus);
    Ok(match &args.output {
        Some(path) => {
            let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
            format.exporter(BufWriter::with_capacity(1 << 18, file), bus)
        }
        None => format.exporter(Stream(BufWriter::new(io::stdout())), bus),
    })
}

fn damaged(args: &Args, damage: &Damage) -> Trouble {
    Trouble::new(format!("{}: {damage}; exported is what came before", args.trace.display()))
}
