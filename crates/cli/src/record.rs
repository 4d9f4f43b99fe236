//! `busprobe record`: what a recorder core in an FPGA saw on its link.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::RangeInclusive;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{self, Child, ExitCode, ExitStatus};
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use busprobe_mmio::{Target, Window, parse_quantity};
use busprobe_recorder::{Directions, Recorder};
use busprobe_trace::axi4_lite::TransactionWriter;
use busprobe_trace::{Sink, jsonl, text};

use crate::trouble::Trouble;

/// How long the recorder's memory fills between two looks at it.
const BETWEEN_DRAINS: Duration = Duration::from_millis(1);

/// Record what an AXI4-Lite link carries, with the recorder core in the FPGA beside it.
///
/// With a COMMAND: record while it runs; the exit status is the command's. With --arm: begin to
/// record and return. With neither: take what was recorded so far. Transactions go to standard
/// output as text, with a COMMAND to standard error; with -o to a trace for `busprobe check`.
#[derive(clap::Args)]
#[command(
    after_help = "Example: busprobe record mem:0x43c10000+4K --only 0x43c00000+4K -o bus.jsonl \
                        -- python3 script.py"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// The recorder's control port
    target: String,

    /// Record these addresses of the link alone
    #[arg(long, value_name = "BASE+LENGTH")]
    only: Option<Addresses>,

    /// Record no reads
    #[arg(long)]
    no_reads: bool,

    /// Record no writes
    #[arg(long, conflicts_with = "no_reads")]
    no_writes: bool,

    /// Forget what was recorded, begin to record, and return
    #[arg(long, conflicts_with_all = ["disarm", "output", "command"])]
    arm: bool,

    /// Record no more, then take what was recorded
    #[arg(long, conflicts_with = "command")]
    disarm: bool,

    /// Write the trace to this file, as JSON Lines
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The program to record for, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Addresses of the link.
#[derive(Clone, Debug)]
struct Addresses(RangeInclusive<u64>);

impl FromStr for Addresses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (base, length) = text.split_once('+')?;
            let base = parse_quantity(base)?;
            let last = base.checked_add(parse_quantity(length)?.checked_sub(1)?)?;
            Some(Addresses(base..=last))
        };
        parse().ok_or_else(|| format!("{text:?} is no range; write for example 0x43c00000+4K"))
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let begins = args.arm || !args.command.is_empty();
    if !begins && (args.only.is_some() || args.no_reads || args.no_writes) {
        return Err(Trouble::new(
            "what is recorded is chosen when recording begins: give --only, --no-reads and \
             --no-writes with --arm or a COMMAND",
        ));
    }
    let of_target = |error| Trouble::new(format!("{}: {error}", args.target));
    let window = Window::open(&Target::parse(&args.target)?)?;
    let mut recorder = Recorder::new(&window).map_err(of_target)?;
    // A file that cannot be written is found before a program runs.
    let out = if args.arm { None } else { Some(out(args)?) };
    if begins {
        let addresses = args.only.as_ref().map_or(recorder.everything(), |only| only.0.clone());
        let directions = Directions { reads: !args.no_reads, writes: !args.no_writes };
        recorder.clear().map_err(of_target)?;
        recorder.arm(addresses, directions).map_err(of_target)?;
    }
    if args.disarm {
        recorder.disarm().map_err(of_target)?;
    }
    let Some(mut out) = out else { return Ok(ExitCode::SUCCESS) };

    let trace = recorder.begin(window.name(), &mut *out)?;
    let mut drain = Drain { recorder, trace, transactions: 0 };
    let status = match args.command.split_first() {
        None => ExitCode::SUCCESS,
        Some((program, rest)) => {
            let child = process::Command::new(program).args(rest).spawn();
            let ran = match child {
                Ok(child) => drain.while_runs(child),
                Err(error) => Err(Trouble::new(format!("{}: {error}", program.display()))),
            };
            // Nothing is left armed behind, whatever happened.
            drain.recorder.disarm().map_err(of_target)?;
            ran?
        }
    };
    drain.finish()?;
    let noun = if drain.transactions == 1 { "transaction" } else { "transactions" };
    eprintln!("busprobe: {}: {} {noun}", args.target, drain.transactions);
    Ok(status)
}

/// Where the records go.
fn out(args: &Args) -> Result<Box<dyn Sink>, Trouble> {
    Ok(match &args.output {
        Some(path) => {
            let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
            Box::new(jsonl::Writer::new(BufWriter::new(file)))
        }
        None if args.command.is_empty() => Box::new(text::Writer::new(io::stdout())),
        None => Box::new(text::Writer::new(io::stderr())),
    })
}

/// A recorder, and the trace that it is drained into.
struct Drain<'a> {
    recorder: Recorder<'a>,
    trace: TransactionWriter<&'a mut (dyn Sink + 'static)>,
    transactions: u64,
}

impl Drain<'_> {
    /// Drains until the program has ended.
    fn while_runs(&mut self, mut child: Child) -> Result<ExitCode, Trouble> {
        loop {
            let ended = child.try_wait()?;
            if let Err(trouble) = self.once() {
                child.wait()?;
                return Err(trouble);
            }
            match ended {
                Some(status) => return Ok(exit_code(status)),
                None => thread::sleep(BETWEEN_DRAINS),
            }
        }
    }

    /// Takes what waits, and puts it where others can read it.
    fn once(&mut self) -> Result<(), Trouble> {
        self.transactions += self.recorder.drain(&mut self.trace)?;
        Ok(self.trace.flush()?)
    }

    /// Takes the rest, and says what is wrong with the whole.
    fn finish(&mut self) -> Result<(), Trouble> {
        self.once()?;
        if self.recorder.status()?.unpaired {
            self.trace.approximate(
                "a response came to which the recorder had seen no request, so responses may be \
                 with the wrong requests: reset the recorder together with the link"
                    .to_owned(),
            )?;
        }
        Ok(self.trace.flush()?)
    }
}

/// The program's own, or 128 and the signal that ended it, as shells have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    ExitCode::from(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)) as u8)
}
