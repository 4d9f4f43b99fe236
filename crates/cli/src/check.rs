//! `busprobe check`: is what a trace holds what was meant?

use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_trace::Trace;
use busprobe_verdict::{Bus, By, Head, Intent, Verdict, bus_by_name, operations};
use serde::Serialize;

use crate::trace_file::load;
use crate::trouble::Trouble;

/// Judge a trace: did the bus see what was meant?
///
/// Each operation of the trace gets one line: what lies between two marks; without marks what one
/// line of Python or one call of a function did. Without --intent, what was meant is inferred: the
/// elements touched, once each, ascending.
#[derive(clap::Args)]
#[command(after_help = "Example: busprobe check block.jsonl --intent 'W 0x0 4x32'")]
pub(crate) struct Args {
    /// The trace, as `busprobe trace -o` writes it
    trace: PathBuf,

    /// What was meant: direction, start, count and bits (W 0x0 64x32), fixed for a FIFO
    #[arg(long, value_name = "INTENT")]
    intent: Option<Intent>,

    /// The bus between the CPU and the device: axi4-lite-32, axi4-lite-64, beats:BITS, device (as
    /// issued), wc-x86 or normal-nc-arm (write-combining)
    #[arg(long, default_value = "axi4-lite-32", value_parser = parse_bus)]
    bus: String,

    /// What sets operations apart: mark, line, call or window. Without it marks, then lines and
    /// calls; with --intent marks alone
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,

    /// Print an array of verdicts instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Judged<'a> {
    operation: Option<String>,
    window: u32,
    intent: String,
    verdict: Vec<&'static str>,
    words: String,
    accesses: u64,
    beats: u64,
    unseen: &'a [String],
}

pub(crate) fn parse_bus(name: &str) -> Result<String, String> {
    bus_by_name(name).map(|bus| bus.name().to_owned()).map_err(|error| error.to_string())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let bus = bus_by_name(&args.bus).expect("clap has checked the name");
    let (trace, damage) = load(&args.trace)?;
    let by = args.by.or(args.intent.as_ref().map(|_| By::Mark));
    let judged = judge(&trace, bus.as_ref(), args.intent.as_ref(), by);
    if args.json {
        let rows: Vec<Judged> = judged.iter().map(|(head, verdict)| row(head, verdict)).collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        let one = judged.iter().all(|(head, _)| head.index == 1 && head.mark().is_none());
        for (head, verdict) in &judged {
            match head.name().filter(|_| !one) {
                Some(name) => println!("{name}: {verdict}"),
                None => println!("{verdict}"),
            }
        }
    }
    if let Some(damage) = damage {
        let path = args.trace.display();
        return Err(Trouble::new(format!("{path}: {damage}; judged is what came before")));
    }
    if judged.is_empty() {
        let path = args.trace.display();
        return Err(Trouble::new(format!("{path}: no access in it, so there is nothing to judge")));
    }
    let exact = judged.iter().all(|(_, verdict)| verdict.is_exact());
    Ok(ExitCode::from(u8::from(!exact)))
}

fn judge(
    trace: &Trace,
    bus: &dyn Bus,
    intent: Option<&Intent>,
    by: Option<By>,
) -> Vec<(Head, Verdict)> {
    let mut judged = Vec::new();
    for operation in operations(trace, by) {
        let verdicts = match intent {
            Some(intent) => vec![operation.judge(bus, intent)],
            None => operation.infer_and_judge(bus),
        };
        judged.extend(verdicts.into_iter().map(|verdict| (operation.head.clone(), verdict)));
    }
    judged
}

fn row<'a>(head: &Head, verdict: &'a Verdict) -> Judged<'a> {
    Judged {
        operation: head.name(),
        window: head.window,
        intent: verdict.intent().to_string(),
        verdict: verdict.classes().iter().map(|class| class.name()).collect(),
        words: verdict.to_string(),
        accesses: verdict.accesses(),
        beats: verdict.beat_count(),
        unseen: verdict.unseen(),
    }
}
