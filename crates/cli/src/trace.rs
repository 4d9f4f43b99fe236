//! `busprobe trace`: run a program, or attach to one, and record what it does to a window.

mod live;
mod marked;
mod progress;
mod selection;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_capture::{Selected, native, qemu};

use self::live::Live;
use crate::emulation::Emulation;
use crate::trouble::Trouble;
use crate::{summary, watch};

/// Run a program, unmodified, and record every load and store it makes to a window; or attach to
/// one that runs.
///
/// Without -o the accesses go to standard error as they happen. At the end comes the verdict on
/// each operation: what lies between two marks, else what a line of Python or a call did.
///
/// An access is shown with the function and the instruction that made it, and with the line of
/// Python when Python (3.8 to 3.13) was running one; -o keeps the bytecode instruction too.
///
/// The exit status is the program's. Ctrl-C goes to the program; twice within two seconds it ends
/// program and trace, as SIGTERM does. A program that was attached to is let go by Ctrl-C, runs
/// on as before, and the exit status is 0.
#[derive(clap::Args)]
#[command(
    after_help = "Examples: busprobe trace --watch mem:0x0a000000+16K -- python3 script.py\n          \
                        busprobe trace --watch uio:dma --only writes --limit 100 --pid 812\n          \
                        busprobe trace --watch uio:dma --mark-on dma_start --mark-on libc:memcpy=copy -- ./app\n          \
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

    /// Attach to this process and all its threads, instead of running a command
    #[arg(long, value_name = "PID", conflicts_with = "command")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    #[arg(conflicts_with_all = ["cpu", "symbols", "sysroot", "arch", "qemu"])]
    pid: Option<i32>,

    /// Put a mark at every call of this function: SYMBOL, as `nm` shows it, or MODULE:SYMBOL, with
    /// =TEXT for a text other than its name; may be given several times. The program stays
    /// unmodified: it is stopped where the function begins, in every thread and process of it. A
    /// function that is nowhere is said, with names like it. Not under QEMU
    #[arg(long, value_name = "FUNCTION[=TEXT]", value_parser = marked::parse)]
    mark_on: Vec<native::MarkOn>,

    /// The program and its arguments
    #[arg(required_unless_present = "pid", last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    #[command(flatten)]
    selection: selection::Options,

    #[command(flatten)]
    emulation: Emulation,
}

pub(crate) fn run(args: Args) -> Result<ExitCode, Trouble> {
    let watches = if args.watch.is_empty() {
        watch::all_devices()?
    } else {
        args.watch.iter().map(|text| watch::parse(text)).collect::<Result<_, _>>()?
    };
    if args.stack && args.emulation.is_given() {
        return Err(Trouble::new(
            "--stack is for programs of this machine: QEMU does not tell who called; leave out one",
        ));
    }
    if !args.mark_on.is_empty() && args.emulation.is_given() {
        return Err(Trouble::new(
            "--mark-on is for programs of this machine: under QEMU a program puts its marks \
             itself (docs/tracing.md); leave out one",
        ));
    }
    let live = Live::new(args.output.as_deref())?;
    let mut sink = Selected::new(args.selection.selection(), live);
    let outcome = if args.emulation.is_given() {
        let capture = args.emulation.capture(args.command);
        watches.into_iter().fold(capture, qemu::Capture::watch).run(&mut sink)?
    } else {
        let capture = match args.pid {
            Some(process) => native::Capture::attach(process),
            None => native::Capture::new(args.command),
        };
        let capture = if args.stack { capture.stacks() } else { capture };
        let capture = args.mark_on.into_iter().fold(capture, native::Capture::mark_on);
        let capture = capture.when_not_found(|missing| eprintln!("busprobe: {missing}"));
        watches.into_iter().fold(capture, native::Capture::watch).run(&mut sink)?
    };
    let accesses = sink.accesses();
    let (live, finished) = sink.finish();
    let keep = live.end();
    summary::write(&keep.trace, &mut io::stderr())?;
    if keep.dropped > 0 {
        eprintln!(
            "busprobe: that was the first {}; judge all {accesses} with -o FILE and \
             `busprobe check FILE`",
            keep.trace.events.len(),
        );
    }
    if let Some(error) = outcome.sink_error.or(finished.err()) {
        let name = args.output.map_or("standard error".into(), |path| path.display().to_string());
        let message = format!("{name}: {error}; the trace ends there, the program ran on");
        return Err(Trouble::new(message));
    }
    match args.pid {
        Some(process) if outcome.let_go => {
            eprintln!("busprobe: let go of process {process}, which runs on");
            Ok(ExitCode::SUCCESS)
        }
        Some(_) => Ok(ExitCode::SUCCESS),
        None => Ok(ExitCode::from(outcome.status as u8)),
    }
}
