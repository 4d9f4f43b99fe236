//! `busprobe import`: another tool's log as a trace.

mod log;
mod output;
pub(crate) mod source;
mod waveform;
pub(crate) mod windows;

use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_mmio::parse_quantity;

use self::source::{Input, Source};
use self::windows::Addresses;
use crate::trouble::Trouble;

/// Make a trace of another tool's log, or of a waveform (VCD, FST).
///
/// The format is found from the file itself. A waveform is that of a simulation or an FPGA's
/// analyzer with an AXI4-Lite link in it, or one that `busprobe export` wrote. What was passed over,
/// and what could not be read, is said at the end; bad lines leave the rest readable, and end with
/// status 2.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe import qemu.log --window 0x0a000000+4K -o qemu.jsonl")]
pub(crate) struct Args {
    /// The log; - for standard input
    log: PathBuf,

    /// The log's format, when it cannot be found: qemu-trace, ram-write, qemu-mem, mmiotrace,
    /// rwmmio, lackey, renode, dynamorio, ila, vcd, fst
    #[arg(long)]
    format: Option<Source>,

    /// Keep the accesses of this window only (BASE+LENGTH); may be given several times
    #[arg(long = "window", value_name = "BASE+LENGTH")]
    windows: Vec<Addresses>,

    /// In a waveform with several links: which, by its scope and prefix or the end of that
    #[arg(long, value_name = "NAME")]
    link: Option<String>,

    /// In a waveform: the link's clock, when its name does not tell
    #[arg(long, value_name = "NAME")]
    clock: Option<String>,

    /// Make marks of the writes to this address, instead of accesses
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mark: Option<u64>,

    /// Where the trace goes: JSON Lines, or Parquet when it is called so; standard output when not
    /// given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn address(text: &str) -> Result<u64, String> {
    parse_quantity(text)
        .ok_or_else(|| format!("{text:?} is no address; write for example 0x0a003ff0"))
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut input = Input::open(&args.log)?;
    let source = match args.format {
        Some(source) => Some(source),
        None => waveform::Format::of_beginning(input.beginning()?).map(Source::Waveform),
    };
    match source {
        Some(Source::Waveform(format)) => {
            if args.mark.is_some() {
                return Err(Trouble::new("--mark is for logs, and this is a waveform"));
            }
            waveform::import(args, format, input)
        }
        Some(Source::Log(_)) | None => {
            if args.link.is_some() || args.clock.is_some() {
                return Err(Trouble::new("--link and --clock are for waveforms, and this is none"));
            }
            let format = source.and_then(Source::log);
            log::import(args, format, input)
        }
    }
}
