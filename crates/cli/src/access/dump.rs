//! `busprobe dump`: a range of a window, to look at or to keep.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_mmio::{AccessError, Mode, Run, Width};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::access::form::{FileForm, Form, binary, hex, json, text};
use crate::access::manner::{Halves, Manner};
use crate::access::operation::Operation;
use crate::access::place::{Extent, Place, odd_bytes, whole_elements};
use crate::access::session::{Bus, width};
use crate::trouble::Trouble;

/// Elements from which on a dump shows its progress.
const LONG: u64 = 1 << 16;

/// Read a range of a window, to look at or into a file
///
/// One load for each element, ascending; the window is mapped read-only. An access that fails is
/// marked, and the dump goes on behind it and ends with status 2: a table shows ?, $readmemh words
/// x, JSON null, bytes are ff.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe dump uio:dma
  busprobe dump mem:0x0a000000+16K 0x100+64 --width 64
  busprobe dump pci:0000:01:00.0/bar0 -o bar0.bin
  busprobe dump uio:table -o table.hex --width 16")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// OFFSET+LENGTH or OFFSET-LAST; without it, the whole window
    #[arg(value_name = "RANGE", allow_negative_numbers = true)]
    range: Option<Place>,

    /// Bits of each access: 8, 16, 32 or 64
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = width)]
    width: Width,

    /// Write to a file: .hex and .mem for $readmemh words, .json, bytes for all others
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// What the file is, whatever its name ends with
    #[arg(long, value_name = "FORM", requires = "output")]
    form: Option<FileForm>,

    /// Print a JSON object
    #[arg(long, conflicts_with_all = ["raw", "output"])]
    json: bool,

    /// Print the bytes themselves
    #[arg(long, conflicts_with = "output")]
    raw: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let run = range(args)?;
    let Some(mut session) = args.bus.begin(manner, &[Operation::Read(run)])? else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut out: BufWriter<Box<dyn Write>> = BufWriter::new(match &args.output {
        Some(path) => Box::new(File::create(path).map_err(|e| Trouble::of_file(path, &e))?),
        None => Box::new(io::stdout().lock()),
    });
    let mut form = form(args, run, manner);
    let progress = progress(args, run);
    let mut failures = Failures::default();
    session.read_on(run, |offset, element| {
        form.put(&mut out, element.as_ref().ok().copied())?;
        if let Err(failure) = element {
            failures.add(offset, failure);
        }
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    form.finish(&mut out)?;
    out.flush()?;
    session.finish()?;
    failures.into_result()
}

fn range(args: &Args) -> Result<Run, Trouble> {
    let width = args.width;
    match args.range {
        Some(Place { extent: Extent::Field(_), .. }) => {
            Err(Trouble::new("a dump is of whole elements; `busprobe read` reads fields"))
        }
        Some(place) => place.run(width, None, Mode::Incr).map_err(Trouble::new),
        None => {
            let length = args.bus.length()?;
            let whole = whole_elements(length, width);
            let problem = || format!("{}: {}", args.bus.target, odd_bytes(length, width));
            Ok(Run::incr(0, width, whole.ok_or_else(|| Trouble::new(problem()))?))
        }
    }
}

fn form(args: &Args, run: Run, manner: Manner) -> Box<dyn Form> {
    let width = run.width;
    let to_file = args.output.as_deref().map(|path| args.form.unwrap_or(FileForm::of(path)));
    match to_file {
        Some(FileForm::Json) => json(args, run),
        None if args.json => json(args, run),
        Some(FileForm::Hex) => Box::new(hex::Writer { width }),
        Some(FileForm::Bin) => Box::new(binary::Writer { width, manner }),
        None if args.raw => Box::new(binary::Writer { width, manner }),
        None => Box::new(text::Writer::new(run)),
    }
}

fn json(args: &Args, run: Run) -> Box<dyn Form> {
    Box::new(json::Writer::new(args.bus.target.to_string(), run, None))
}

/// On a terminal, when the dump is long and does not go there itself.
fn progress(args: &Args, run: Run) -> ProgressBar {
    let on_screen = args.output.is_none() && io::IsTerminal::is_terminal(&io::stdout());
    if run.count < LONG || on_screen {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {percent}% {pos}/{len} reads, {eta} to go");
    ProgressBar::with_draw_target(Some(run.count), ProgressDrawTarget::stderr())
        .with_style(style.expect("the template is well-formed"))
}

/// What could not be read.
#[derive(Default)]
pub(crate) struct Failures {
    first: Option<AccessError>,
    count: u64,
    last: u64,
}

impl Failures {
    pub(crate) fn add(&mut self, offset: u64, failure: AccessError) {
        self.first.get_or_insert(failure);
        self.count += 1;
        self.last = offset;
    }

    /// Success, or trouble that says how many failed, and how the first did.
    pub(crate) fn into_result(self) -> Result<ExitCode, Trouble> {
        match (self.first, self.count) {
            (None, _) => Ok(ExitCode::SUCCESS),
            (Some(only), 1) => Err(Trouble::new(format!("1 read failed: {only}"))),
            (Some(first), count) => Err(Trouble::new(format!(
                "{count} reads failed, the last at offset {:#x}, the first: {first}",
                self.last
            ))),
        }
    }
}
