//! `busprobe diagnose`: from a bare log back to what put it there.

mod counts;
mod log;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_diagnose::{Build, Diagnosis, Routine, builds, diagnose};
use busprobe_logs::import::Format;
use serde::Serialize;

use crate::import::windows::Addresses;
use crate::trouble::Trouble;

/// Find out from a bare log what put it on the bus: no program, no PC needed.
///
/// The log is a busprobe trace, a VCD waveform or any log that `import` reads. Each operation in it
/// is compared with what copy routines store; write combining, splitting, retries and the ways of
/// ctypes and struct are said to fit or to be impossible; and the line that does it exactly is
/// given. Operations end at marks, blank lines, long pauses, and where else they have to.
///
/// Exit status: 0 each operation is exact, 1 something was found, 2 trouble.
#[derive(clap::Args)]
#[command(after_help = "Examples: busprobe diagnose device.log\n          \
                        busprobe diagnose --counts table.txt")]
pub(crate) struct Args {
    /// The log; - for standard input
    log: PathBuf,

    /// The log is a table: a line for each block, the 32-bit words written and the beats seen
    /// (64 68)
    #[arg(long, conflicts_with_all = ["format", "windows"])]
    counts: bool,

    /// The log's format, when it cannot be found: qemu-trace, ram-write, qemu-mem, mmiotrace,
    /// rwmmio, lackey, renode, dynamorio, ila
    #[arg(long)]
    format: Option<Format>,

    /// Look at the accesses of this window only (BASE+LENGTH); may be given several times
    #[arg(long = "window", value_name = "BASE+LENGTH")]
    windows: Vec<Addresses>,

    /// Print what was found as one object, with the build ids of the libraries
    #[arg(long)]
    json: bool,
}

/// What was found, and the builds that are known of the routines in it.
#[derive(Serialize)]
struct Found<'a, T> {
    #[serde(flatten)]
    found: &'a T,
    builds: BTreeMap<&'static str, Vec<Build>>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    if args.counts {
        return counts::run(&args.log, args.json);
    }
    let log::Log { trace, damage } = log::read(args)?;
    let diagnosis = diagnose(&trace);
    if diagnosis.blocks.is_empty() {
        let path = args.log.display();
        return Err(Trouble::new(damage.unwrap_or_else(|| {
            format!("{path}: no access in it, so there is nothing to diagnose")
        })));
    }
    if args.json {
        print_json(&diagnosis, routines(&diagnosis))?;
    } else {
        print!("{}", text::diagnosis(&diagnosis));
    }
    match damage {
        Some(damage) => Err(Trouble::new(damage)),
        None => Ok(ExitCode::from(u8::from(!diagnosis.is_exact()))),
    }
}

/// The routines that fit a block.
fn routines(diagnosis: &Diagnosis) -> Vec<&'static Routine> {
    let fits = diagnosis.blocks.iter().flat_map(|block| &block.copies);
    fits.map(|fit| fit.routine).collect()
}

fn print_json(found: &impl Serialize, routines: Vec<&'static Routine>) -> Result<(), Trouble> {
    let builds = routines.into_iter().map(|routine| (routine.name, builds(routine).collect()));
    let found = Found { found, builds: builds.collect() };
    println!("{}", serde_json::to_string_pretty(&found)?);
    Ok(())
}
