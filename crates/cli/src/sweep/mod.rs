//! `busprobe sweep`: what each way of writing a block puts on the bus, size by size.

mod cell;
mod lab;
mod native;
mod table;
mod way;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::trouble::Trouble;
use cell::Cell;
use lab::LabArgs;
use way::Way;

/// The table: blocks of N words, written in several ways, and what the bus saw of each.
///
/// Each cell is a real run of a real interpreter under the capture or, in the lab, of a libc's own
/// AArch64 code. A cell reads `accesses > beats` on a 32-bit AXI4-Lite bus, then the verdict.
#[derive(clap::Args)]
#[command(
    after_help = "Examples: busprobe sweep --via memoryview,busprobe --words 1,4,64\n          \
                        busprobe sweep --on lab --libc arm64/libc.so.6 --words 1,4,64"
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
    lab: LabArgs,
}

/// Where the programs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum On {
    /// On this machine's CPU, under the native capture
    Native,
    /// On an emulated AArch64 CPU: no program, the copy routine of a libc alone
    Lab,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (cells, notes) = match args.on {
        On::Native if args.lab.is_given() => {
            return Err(Trouble::new("--libc is for the lab: add --on lab"));
        }
        On::Native => (native_cells(args)?, Vec::new()),
        On::Lab if !args.via.is_empty() => {
            return Err(Trouble::new("--via is for --on native: the lab calls a --function"));
        }
        On::Lab => lab::cells(&args.lab, &args.words)?,
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
fn native_cells(args: &Args) -> Result<Vec<Cell>, Trouble> {
    let interpreter = native::Interpreter::find(&args.python)?;
    let python = args.python.display();
    let asked = if args.via.is_empty() { Way::value_variants() } else { &args.via };
    let mut ways = Vec::new();
    for &way in asked {
        match way.package().filter(|package| !interpreter.has(package)) {
            None => ways.push(way),
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
            cells.push(interpreter.run(way, words)?);
        }
    }
    if show_progress {
        eprint!("\r\x1b[K");
    }
    Ok(cells)
}
