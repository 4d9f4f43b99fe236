//! `busprobe report`: a trace as one page that explains itself.

mod page;
#[expect(clippy::cast_precision_loss, reason = "a screen has fewer pixels than f64 has digits")]
mod picture;

use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_trace::{Event, Site, Trace};
use busprobe_verdict::{Operation, Verdict};

use crate::judging::Judging;
use crate::trace_file::load;
use crate::trouble::Trouble;

/// Make one HTML page of a trace: verdicts, a picture of each operation, and where it came from.
///
/// The page is one file: it asks no network for anything, and prints as it shows.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe report block.jsonl -o block.html")]
pub(crate) struct Args {
    /// The trace, as `busprobe trace -o` writes it
    trace: PathBuf,

    /// Where the page goes
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    output: PathBuf,

    #[command(flatten)]
    judging: Judging,
}

/// An operation's reads or writes, and what became of them.
struct Judged<'a> {
    operation: &'a Operation<'a>,
    verdict: Verdict,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let Judging { intent, bus, .. } = &args.judging;
    let (trace, damage) = load(&args.trace)?;
    let operations = args.judging.operations(&trace);
    let judged: Vec<Judged> = operations
        .iter()
        .flat_map(|operation| {
            let verdicts = operation.judge(bus.as_ref(), intent.as_ref());
            verdicts.into_iter().map(move |verdict| Judged { operation, verdict })
        })
        .collect();
    let title = args.trace.file_name().unwrap_or(args.trace.as_os_str()).to_string_lossy();
    let page = page::page(&title, &trace, bus.as_ref(), &judged);
    std::fs::write(&args.output, page).map_err(|error| Trouble::of_file(&args.output, &error))?;
    match damage {
        Some(damage) => {
            let path = args.trace.display();
            Err(Trouble::new(format!("{path}: {damage}; reported is what came before")))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// One place of code and what it did.
struct Origin<'a> {
    site: &'a Site,
    accesses: u64,
    /// The first byte and one past the last.
    touched: (u64, u64),
}

/// The places that the accesses of one direction came from, in the order of their first access.
fn origins<'a>(trace: &'a Trace, judged: &Judged) -> Vec<Origin<'a>> {
    let mut origins: Vec<Origin> = Vec::new();
    for event in &judged.operation.events {
        let Event::Access(access) = event else { continue };
        if access.direction != judged.verdict.intent().direction() {
            continue;
        }
        let Some(site) = access.site.and_then(|id| trace.site(id)) else { continue };
        let known = origins.iter().position(|origin| origin.site.id == site.id);
        let index = known.unwrap_or_else(|| {
            origins.push(Origin { site, accesses: 0, touched: (access.offset, access.end()) });
            origins.len() - 1
        });
        let origin = &mut origins[index];
        origin.accesses += 1;
        origin.touched.0 = origin.touched.0.min(access.offset);
        origin.touched.1 = origin.touched.1.max(access.end());
    }
    origins
}
