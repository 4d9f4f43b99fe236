//! `busprobe trace`: run a program and record what it does to a window.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use busprobe_capture::{native, qemu};
use busprobe_trace::{Record, Sink, jsonl, text};

use crate::emulation::Emulation;
use crate::keep::Keep;
use crate::trouble::Trouble;
use crate::{summary, watch};

/// Run a program, unmodified, and record every load and store it makes to a window.
///
/// Without -o the accesses go to standard error as they happen. At the end comes the verdict, for
/// the program seen as one operation. The exit status is the program's.
///
/// An access is shown with the function and the instruction that made it, and with the line of
/// Python when Python (3.8 to 3.13) was running one; -o keeps the bytecode instruction too.
#[derive(clap::Args)]
#[command(
    after_help = "Examples: busprobe trace --watch mem:0x0a000000+16K -- python3 script.py\n          \
                        busprobe trace --cpu cortex-a57 --sysroot arm64 --watch win.bin -- python3 x.py"
)]
pub(crate) struct Args {
    /// The window, however the program opens it; may be given several times. Without it, all
    /// device memory: /dev/mem, UIO devices, PCI resources
    #[arg(long, value_name = "TARGET")]
    watch: Vec<String>,

    /// Write the trace to this file, as JSON Lines
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Record who called the functions that make accesses, up to 64 callers of each; it needs -o,
    /// and `busprobe explain` shows them. Not under QEMU, which does not tell
    #[arg(long, requires = "output")]
    stack: bool,

    #[command(flatten)]
    emulation: Emulation,

    /// The program and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Trouble> {
    let watches = if args.watch.is_empty() {
        watch::all_devices()?
    } else {
        args.watch.iter().map(|text| watch::parse(text)).collect::<Result<_, _>>()?
    };
    let mut sink = Tee { keep: Keep::new(), live: live(args.output.as_ref())? };
    if args.stack && args.emulation.is_given() {
        return Err(Trouble::new(
            "--stack is for programs of this machine: QEMU does not tell who called; leave out one",
        ));
    }
    let outcome = if args.emulation.is_given() {
        let capture = args.emulation.capture(args.command);
        watches.into_iter().fold(capture, qemu::Capture::watch).run(&mut sink)?
    } else {
        let capture = native::Capture::new(args.command);
        let capture = if args.stack { capture.stacks() } else { capture };
        watches.into_iter().fold(capture, native::Capture::watch).run(&mut sink)?
    };
    summary::write(&sink.keep.trace, &mut io::stderr())?;
    if sink.keep.dropped > 0 {
        eprintln!(
            "busprobe: that was the first {}; judge all {} with -o FILE and `busprobe check FILE`",
            sink.keep.trace.events.len(),
            outcome.accesses,
        );
    }
    match outcome.sink_error {
        Some(error) => {
            let name =
                args.output.map_or("standard error".into(), |path| path.display().to_string());
            Err(Trouble::new(format!("{name}: {error}; the trace ends there, the program ran on")))
        }
        None => Ok(ExitCode::from(outcome.status as u8)),
    }
}

/// Where the records go as they happen.
fn live(output: Option<&PathBuf>) -> Result<Box<dyn Sink>, Trouble> {
    let Some(path) = output else { return Ok(Box::new(text::Writer::new(io::stderr()))) };
    let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
    Ok(Box::new(Flushed::new(jsonl::Writer::new(BufWriter::new(file)))))
}

struct Tee {
    keep: Keep,
    live: Box<dyn Sink>,
}

impl Sink for Tee {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.keep.put(record)?;
        self.live.put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.live.flush()
    }
}

/// A file that is never far behind, so that little is lost when busprobe is killed.
struct Flushed<W: Write> {
    out: jsonl::Writer<W>,
    since: Instant,
    records: u32,
}

impl<W: Write> Flushed<W> {
    const MOST_RECORDS: u32 = 1000;
    const LONGEST: Duration = Duration::from_secs(1);

    fn new(out: jsonl::Writer<W>) -> Self {
        Flushed { out, since: Instant::now(), records: 0 }
    }
}

impl<W: Write> Sink for Flushed<W> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.out.put(record)?;
        self.records += 1;
        if self.records >= Self::MOST_RECORDS || self.since.elapsed() >= Self::LONGEST {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.records = 0;
        self.since = Instant::now();
        self.out.flush()
    }
}
