//! `busprobe check`: is what a trace holds what was meant?

mod json;
mod judged;
mod junit;
mod meant;
mod sarif;
mod stream;
mod text;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use busprobe_verdict::{Bus, By};

use self::judged::Output;
use self::meant::{Given, Judges};
use self::stream::{Stream, Sum};
use self::text::{Pictures, Text};
use crate::judging::parse_bus;
use crate::picture;
use crate::trace_file::{self, Damage};
use crate::trouble::Trouble;

/// Judge a trace: did the bus see what was meant?
///
/// Each operation of the trace is judged: what lies between two marks; without marks what one line
/// of Python or one call of a function did. Without --intent, what was meant is inferred: the
/// elements touched, once each, ascending. Few verdicts are shown one by one, many as a table with
/// the worst first.
///
/// Exit status: 0 when every verdict is exact and nothing was lost, 1 when one is not, 2 when
/// there was trouble: no trace, a damaged one, nothing to judge.
#[derive(clap::Args)]
#[command(after_help = "Examples: busprobe check block.jsonl --intent 'W 0x0 4x32'\n          \
                        busprobe check run.parquet --intent intents.json --junit check.xml")]
pub(crate) struct Args {
    /// The trace, as `busprobe trace -o` writes it
    trace: PathBuf,

    /// What was meant: direction, start, count and bits (W 0x0 64x32), fixed for a FIFO; or a
    /// JSON file of several: [{"operation": "seed.py:12", "intent": "W 0x0 64x32"}, ...], where
    /// "mark", "window" and "bus" can stand too
    #[arg(long, value_name = "INTENT|FILE.json", value_parser = meant::parse)]
    intent: Option<Given>,

    /// The bus between the CPU and the device: axi4-lite-32, axi4-lite-64, beats:BITS, device (as
    /// issued), wc-x86 or normal-nc-arm (write-combining)
    #[arg(long, default_value = "axi4-lite-32", value_parser = parse_bus)]
    bus: Arc<dyn Bus>,

    /// What sets operations apart: mark, line, call or window. Without it marks, then lines and
    /// calls; with one --intent for all marks alone
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,

    /// Print an array of verdicts instead of text
    #[arg(long)]
    json: bool,

    /// Draw every operation that is shown by itself: order to the right, addresses upwards. On a
    /// terminal, those that are not exact are drawn without it
    #[arg(long, conflicts_with = "json")]
    picture: bool,

    #[arg(long, value_name = "FILE", help = "Write the verdicts as test cases, in JUnit XML")]
    junit: Option<PathBuf>,

    /// Write what is not exact, as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let pictures = if args.picture {
        Pictures::All
    } else if !args.json && io::stdout().is_terminal() {
        Pictures::Few
    } else {
        Pictures::None
    };
    let beats = if pictures == Pictures::None { 0 } else { picture::MOST_BEATS };
    let meant = args.intent.as_ref().map(Given::read).transpose()?;
    let judges = Judges::new(meant.as_ref(), args.bus.as_ref(), beats);
    let by = meant::cut_by(args.by, meant.as_ref());
    let (sum, damage) = judge(&args.trace, by, judges, outputs(args, pictures)?)?;
    let path = args.trace.display();
    if let Some(damage) = damage {
        return Err(Trouble::new(format!("{path}: {damage}; judged is what came before")));
    }
    if sum.verdicts == 0 {
        return Err(Trouble::new(format!("{path}: no access in it, so there is nothing to judge")));
    }
    Ok(ExitCode::from(u8::from(!sum.exact)))
}

/// Judges the trace in a file, and says what ended it early if anything did.
fn judge<'a>(
    path: &Path,
    by: Option<By>,
    judges: Judges<'a>,
    outputs: Vec<Box<dyn Output + 'a>>,
) -> Result<(Sum, Option<Damage>), Trouble> {
    #[cfg(feature = "parquet")]
    if let Some(file) = trace_file::parquet(path)? {
        return judge_parquet(path, file, by, judges, outputs);
    }
    let (unseen, mut records) = trace_file::open_knowing_unseen(path)?;
    let header = trace_file::header(&mut records, path)?;
    let mut stream = Stream::new(&header, by, judges, unseen, outputs);
    let mut damage = None;
    for record in records {
        match record {
            Ok(record) => stream.record(&record),
            Err(error) => damage = Some(error),
        }
    }
    Ok((stream.finish()?, damage))
}

/// The same of a Parquet file, without the columns that judging does not need.
#[cfg(feature = "parquet")]
fn judge_parquet<'a>(
    path: &Path,
    file: File,
    by: Option<By>,
    judges: Judges<'a>,
    outputs: Vec<Box<dyn Output + 'a>>,
) -> Result<(Sum, Option<Damage>), Trouble> {
    use busprobe_logs::parquet::{Row, Scan};
    use busprobe_trace::Record;

    let in_file = |error| Trouble::new(format!("{}: {error}", path.display()));
    let mut scan = Scan::new(file).map_err(in_file)?;
    let header = scan.header().map_err(in_file)?;
    let losses = scan.losses().map_err(in_file)?;
    let unseen = losses.into_iter().map(|loss| loss.detail).collect();
    let mut stream = Stream::new(&header, by, judges, unseen, outputs);
    let damage = loop {
        let more = scan.next_group(|row| match row {
            Row::Access(access) => stream.access(access),
            Row::Other(Record::Trace(_)) => {}
            Row::Other(record) => stream.record(record),
        });
        match more {
            Ok(true) => {}
            Ok(false) => break None,
            Err(damage) => break Some(damage.into()),
        }
    };
    Ok((stream.finish()?, damage))
}

/// Who shows the verdicts.
fn outputs(args: &Args, pictures: Pictures) -> Result<Vec<Box<dyn Output>>, Trouble> {
    let out = BufWriter::new(io::stdout());
    let mut outputs: Vec<Box<dyn Output>> = vec![if args.json {
        Box::new(json::Json::new(out))
    } else {
        Box::new(Text::new(out, picture::columns(), pictures))
    }];
    if let Some(path) = &args.junit {
        let suite = args.trace.to_string_lossy();
        outputs.push(Box::new(junit::JUnit::new(create(path)?, &suite)?));
    }
    if let Some(path) = &args.sarif {
        outputs.push(Box::new(sarif::Sarif::new(create(path)?)?));
    }
    Ok(outputs)
}

fn create(path: &Path) -> Result<BufWriter<File>, Trouble> {
    let file = File::create(path).map_err(|error| Trouble::of_file(path, &error))?;
    Ok(BufWriter::new(file))
}
