//! `busprobe import`: another tool's log as a trace.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use busprobe_logs::import::{Format, Import, Options, Range, Summary};
use busprobe_trace::{Sink, jsonl};

use crate::trouble::Trouble;
use crate::waveform;

/// A log with more bad lines than this has said what is wrong with it.
const ERRORS_SHOWN: u64 = 10;

/// Make a trace of another tool's log, or of an AXI4-Lite link in a waveform (VCD).
///
/// The format is found from the log itself. What was passed over, and what could not be read, is
/// said at the end; bad lines leave the rest readable, and end with status 2.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe import qemu.log --window 0x0a000000+4K -o qemu.jsonl")]
pub(crate) struct Args {
    /// The log; - for standard input
    pub(crate) log: PathBuf,

    /// The log's format, when it cannot be found: qemu-trace, ram-write, qemu-mem, mmiotrace,
    /// rwmmio, lackey, renode, dynamorio, ila
    #[arg(long)]
    format: Option<Format>,

    /// Keep the accesses of this window only (BASE+LENGTH); may be given several times
    #[arg(long = "window", value_name = "BASE+LENGTH")]
    windows: Vec<Addresses>,

    /// In a waveform with several links: which, by its scope and prefix or the end of that
    #[arg(long, value_name = "NAME")]
    pub(crate) link: Option<String>,

    /// In a waveform: the link's clock, when its name does not tell
    #[arg(long, value_name = "NAME")]
    pub(crate) clock: Option<String>,

    /// Make marks of the writes to this address, instead of accesses
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    mark: Option<u64>,

    /// Where the trace goes; standard output when not given
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

impl Args {
    /// The windows to keep.
    pub(crate) fn windows(&self) -> Vec<Range> {
        self.windows.iter().map(|addresses| addresses.0).collect()
    }
}

#[derive(Clone, Copy)]
struct Addresses(Range);

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no window; write for example 0x0a000000+4K");
        let (base, length) = text.split_once('+').ok_or_else(wrong)?;
        let base = quantity(base).ok_or_else(wrong)?;
        let length = quantity(length).filter(|&length| length > 0).ok_or_else(wrong)?;
        match base.checked_add(length - 1) {
            Some(_) => Ok(Addresses(Range { base, length })),
            None => Err(format!("{text:?} goes beyond the last address")),
        }
    }
}

fn address(text: &str) -> Result<u64, String> {
    quantity(text).ok_or_else(|| format!("{text:?} is no address; write for example 0x0a003ff0"))
}

/// Decimal or 0x, with K, M or G behind it.
fn quantity(text: &str) -> Option<u64> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1 << 10),
        b'M' => (&text[..text.len() - 1], 1 << 20),
        b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => digits.parse().ok()?,
    };
    number.checked_mul(factor)
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let mut log = open(&args.log)?;
    if args.format.is_none() && waveform::begins(&mut log)? {
        if args.mark.is_some() {
            return Err(Trouble::new("--mark is for logs, and this is a waveform"));
        }
        return waveform::import(args, log);
    }
    if args.link.is_some() || args.clock.is_some() {
        return Err(Trouble::new("--link and --clock are for waveforms, and this is none"));
    }
    let options = Options { format: args.format, windows: args.windows(), mark: args.mark };
    let in_log = |error| Trouble::new(format!("{}: {error}", args.log.display()));
    let import = Import::new(log, &options).map_err(in_log)?;
    let summary = match &args.output {
        Some(path) => {
            let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
            convert(import, &args.log, file).map_err(|error| Trouble::of_file(path, &error))?
        }
        None => convert(import, &args.log, io::stdout().lock())?,
    };
    if summary.accesses == 0 {
        let why = match summary.outside {
            0 => "no access in it".to_owned(),
            outside => format!("all its {outside} accesses lie outside the given windows"),
        };
        return Err(Trouble::new(format!("{}: {why}", args.log.display())));
    }
    Ok(ExitCode::from(if summary.damaged > 0 { 2 } else { 0 }))
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Trouble> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| Trouble::of_file(path, &error))?;
    Ok(Box::new(BufReader::with_capacity(1 << 18, file)))
}

/// Writes the trace, and says on standard error what became of the log.
fn convert(mut import: Import<impl BufRead>, log: &Path, out: impl Write) -> io::Result<Summary> {
    let mut writer = jsonl::Writer::new(BufWriter::with_capacity(1 << 18, out));
    let mut errors = 0;
    for record in import.by_ref() {
        match record {
            Ok(record) => writer.put(&record)?,
            Err(error) => {
                errors += 1;
                if errors <= ERRORS_SHOWN {
                    eprintln!("busprobe: {}: {error}", log.display());
                }
            }
        }
    }
    writer.flush()?;
    let summary = import.summary();
    eprintln!("busprobe: {}: {}", log.display(), describe(import.format(), &summary));
    Ok(summary)
}

/// `qemu-trace, 7 lines: 5 accesses kept; 1 foreign line (the first is line 1)`
fn describe(format: Format, summary: &Summary) -> String {
    let &Summary { lines, accesses, foreign, damaged, outside, nested, .. } = summary;
    let kept = count(accesses, "access");
    let mut parts = vec![format!("{format}, {}: {kept} kept", count(lines, "line"))];
    let mut add = |number: u64, noun: &str, remark: &str| {
        if number > 0 {
            parts.push(format!("{}{remark}", count(number, noun)));
        }
    };
    add(damaged, "unreadable line", "");
    add(outside, "access", " outside the given windows");
    add(nested, "repetition", " by an outer region left out");
    let first = summary.first_foreign.map_or(String::new(), |line| format!(", first line {line}"));
    add(foreign, "foreign line", &first);
    if let Some((other, line)) = summary.mixed {
        parts.push(format!("line {line} is {other}: import it by itself with --format {other}"));
    }
    parts.join("; ")
}

fn count(number: u64, noun: &str) -> String {
    match (number, noun) {
        (1, noun) => format!("1 {noun}"),
        (number, "access") => format!("{number} accesses"),
        (number, noun) => format!("{number} {noun}s"),
    }
}
