//! `busprobe sweep`: what each way of writing a block puts on the bus, size by size.

mod cell;
mod interpreter;
mod lab;
mod native;
mod qemu;
mod table;
mod way;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::emulation::Emulation;
use crate::trouble::Trouble;
use cell::Cell;
use interpreter::Interpreter;
use lab::LabArgs;
use native::Native;
use qemu::Emulated;
use way::Way;

/// The table: blocks of N words, written in several ways, and what the bus saw of each.
///
/// Each cell is a real run of a real interpreter under the capture or, in the lab, of a libc's own
/// AArch64 code. A cell reads `accesses > beats` on a 32-bit AXI4-Lite bus, then the verdict.
#[derive(clap::Args)]
#[command(
    after_help = "Examples: busprobe sweep --via memoryview,busprobe --words 1,4,64\n          \
                        busprobe sweep --on lab --libc arm64/libc.so.6 --words 1,4,64\n          \
                        busprobe sweep --on qemu --sysroot arm64 --via memoryview,loop"
)]
pub(crate) struct Args {
    /// Where the programs run
    #[arg(long, value_enum, default_value = "native")]
    on: On,

    /// The ways of writing, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    via: Vec<Way>,

    /// The block sizes in 32-bit words, separated by commas
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,2,4,8,16,32,64,128,230,256",
        value_parser = clap::value_parser!(u64).range(1..=1 << 20)
    )]
    words: Vec<u64>,

    /// The interpreter
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: PathBuf,

    /// Print an array of cells with the sequence of beats instead of the table
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    emulation: Emulation,

    #[command(flatten)]
    lab: LabArgs,
}

/// Where the programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum On {
    /// On this machine's CPU, under the native capture
    Native,
    /// On an emulated CPU, a whole program of another machine under QEMU's user-mode emulation
    Qemu,
    /// On an emulated AArch64 CPU: no program, the copy routine of a libc alone
    Lab,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (cells, notes) = match args.on {
        On::Native | On::Qemu if args.lab.is_given() => {
            return Err(Trouble::new("--libc is for the lab: add --on lab"));
        }
        On::Native if args.emulation.is_given() => {
            return Err(Trouble::new(
                "--cpu, --symbols, --sysroot, --arch and --qemu are for an emulated machine: add \
                 --on qemu",
            ));
        }
        On::Lab if args.emulation.needs_qemu() => {
            return Err(Trouble::new(
                "--sysroot, --arch and --qemu are for --on qemu: the lab runs no program",
            ));
        }
        On::Lab if !args.via.is_empty() => {
            return Err(Trouble::new("--via is for programs: the lab calls a --function"));
        }
        On::Native => (cells(&Native::find(&args.python)?, args)?, Vec::new()),
        On::Qemu => (cells(&Emulated::find(&args.python, &args.emulation)?, args)?, Vec::new()),
        On::Lab => lab::cells(&args.lab, &args.emulation, &args.words)?,
    };
    if args.json {
        println!("{}", serde_json::to_string(&cells)?);
    } else {
        println!("{}", table::render(&cells));
        println!("accesses > beats on a 32-bit AXI4-Lite bus, and the verdict");
        for note in &notes {
            println!("{note}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The ways that were asked for, or all that this interpreter has the packages for.
fn cells(interpreter: &dyn Interpreter, args: &Args) -> Result<Vec<Cell>, Trouble> {
    let python = interpreter.name();
    let asked = if args.via.is_empty() { Way::value_variants() } else { &args.via };
    let mut ways = Vec::new();
    for &way in asked {
        match way.package() {
            None => ways.push(way),
            Some(package) if interpreter.has(package)? => ways.push(way),
            Some(package) if args.via.is_empty() => {
                eprintln!("busprobe: no column {}: {python} has no package {package}", way.name());
            }
            Some(package) => {
                return Err(Trouble::new(format!(
                    "{python} has no package {package}, which --via {} needs: \
                     {python} -m pip install {package}",
                    way.name()
                )));
            }
        }
    }
    let total = ways.len() * args.words.len();
    let show_progress = std::io::stderr().is_terminal();
    let mut cells = Vec::new();
    for way in ways {
        for &words in &args.words {
            if show_progress {
                eprint!("\r{} of {total}: {} {words} \x1b[K", cells.len() + 1, way.name());
            }
            cells.push(interpreter::cell(interpreter, way, words)?);
        }
    }
    if show_progress {
        eprint!("\r\x1b[K");
    }
    Ok(cells)
}
