//! `busprobe diff`: what one trace has and another has not.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use busprobe_trace::{Access, Trace, text};
use busprobe_verdict::{Beat, Bus, Change, OperationDiff, diff};

use crate::judging::parse_bus;
use crate::trace_file::load;
use crate::trouble::Trouble;

/// This much of what is the same is shown around what is not.
const CONTEXT: usize = 3;

/// Compare two traces: what has one that the other has not?
///
/// Operations (what lies between two marks) are put side by side, and their accesses in order;
/// time, thread and site do not count, and data only where both traces know it. Exit status 0 when
/// they are the same, 1 when not.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe diff before.jsonl after.jsonl")]
pub(crate) struct Args {
    /// The one trace
    first: PathBuf,

    /// The other trace
    second: PathBuf,

    /// Compare accesses as issued (device), or their beats on a bus: axi4-lite-32, axi4-lite-64,
    /// beats:BITS, wc-x86 or normal-nc-arm (write-combining)
    #[arg(long, default_value = "device", value_parser = parse_bus)]
    bus: Arc<dyn Bus>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (first, second) = (whole(&args.first)?, whole(&args.second)?);
    let diffs = diff(&first, &second, args.bus.as_ref());
    let same = diffs.iter().all(OperationDiff::is_same);
    if !same {
        println!("--- {}\n+++ {}", args.first.display(), args.second.display());
    }
    for diff in diffs.iter().filter(|diff| !diff.is_same()) {
        show(diff);
    }
    Ok(ExitCode::from(u8::from(!same)))
}

/// A trace to the end: half a trace differs from a whole one without meaning anything.
fn whole(path: &Path) -> Result<Trace, Trouble> {
    match load(path)? {
        (trace, None) => Ok(trace),
        (_, Some(damage)) => Err(Trouble::new(format!("{}: {damage}", path.display()))),
    }
}

fn show(diff: &OperationDiff) {
    let count =
        |side: fn(&Change) -> bool| diff.changes.iter().filter(|change| side(change)).count();
    let removed = count(|change| matches!(change, Change::Removed(_)));
    let added = count(|change| matches!(change, Change::Added(_)));
    let name = diff.name.as_deref().unwrap_or("the whole trace");
    let data = if diff.with_data { "" } else { " (data not compared: not known everywhere)" };
    println!(
        "@@ {name}, window {}: {removed} only in the first, {added} only in the second{data}",
        diff.window
    );

    let is_same = |change: &Change| matches!(change, Change::Same(_));
    let mut hidden = 0;
    for (at, change) in diff.changes.iter().enumerate() {
        let near = at.saturating_sub(CONTEXT)..(at + CONTEXT + 1).min(diff.changes.len());
        if diff.changes[near].iter().all(is_same) {
            hidden += 1;
            continue;
        }
        print_hidden(&mut hidden);
        match change {
            Change::Same(beat) => println!("  {}", line(beat)),
            Change::Removed(beat) => println!("- {}", line(beat)),
            Change::Added(beat) => println!("+ {}", line(beat)),
        }
    }
    print_hidden(&mut hidden);
}

fn print_hidden(hidden: &mut usize) {
    if *hidden > 0 {
        println!("  ... {hidden} the same");
        *hidden = 0;
    }
}

fn line(beat: &Beat) -> String {
    let access = Access { data: beat.data, ..Access::new(beat.direction, beat.offset, beat.size) };
    text::Line { access: &access, site: None, with_window: false }.to_string()
}
