//! The log to diagnose, as a trace.

use std::io::Read;

use busprobe_logs::import::{Format, Import, Options, waveform};
use busprobe_trace::{Capture, Header, Level, Mark, Record, Trace};

use super::Args;
use crate::import::source::Input;
use crate::trace_file;
use crate::trouble::Trouble;

/// A log with more bad lines than this has said what is wrong with it.
const ERRORS_SHOWN: u64 = 10;

/// A log as a trace.
pub(super) struct Log {
    pub(super) trace: Trace,
    /// What is wrong with it, when a part can be read.
    pub(super) damage: Option<String>,
}

pub(super) fn read(args: &Args) -> Result<Log, Trouble> {
    let path = args.log.display();
    let mut input = Input::open(&args.log)?;
    let beginning = input.beginning()?;
    let is_trace = beginning.starts_with(b"{\"t\":") || beginning.starts_with(b"PAR1");
    if args.format.is_none() && is_trace {
        drop(input);
        let (trace, damage) = trace_file::load(&args.log)?;
        let damage = damage.map(|damage| format!("{path}: {damage}; this is what came before"));
        return Ok(Log { trace, damage });
    }
    let drawn = waveform::Format::of_beginning(beginning).filter(|_| args.format.is_none());
    match drawn {
        Some(waveform::Format::Vcd) => {
            let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
            waveform::read_vcd(input.read(), &waveform::Options::default(), &mut trace)
                .map_err(|error| Trouble::new(format!("{path}: {error}")))?;
            Ok(Log { trace, damage: None })
        }
        Some(format) => {
            let format = format.name();
            Err(Trouble::new(format!(
                "{path}: this is {format}: make a trace of it first, with busprobe import"
            )))
        }
        None => {
            let mut text = Vec::new();
            input.read().read_to_end(&mut text)?;
            import(args, &text)
        }
    }
}

/// Imports a log of lines. Where lines between two accesses set them apart, a mark does.
fn import(args: &Args, text: &[u8]) -> Result<Log, Trouble> {
    let windows = args.windows.iter().map(|addresses| addresses.0).collect();
    let options = Options { format: args.format, windows, mark: None };
    let path = args.log.display();
    let mut import =
        Import::new(text, &options).map_err(|error| Trouble::new(format!("{path}: {error}")))?;
    let format = import.format();
    let sets_apart: Vec<bool> =
        text.split(|byte| *byte == b'\n').map(|line| sets_apart(line, format)).collect();
    let mut trace = Trace::new(Header::new(format.level(), Capture::Import, "unknown"));
    let mut last = 0;
    while let Some(record) = import.next() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                if import.summary().damaged <= ERRORS_SHOWN {
                    eprintln!("busprobe: {path}: {error}");
                }
                continue;
            }
        };
        if matches!(record, Record::Access(_)) {
            let line = import.summary().lines as usize;
            // Line numbers count from 1.
            if last == 0 || sets_apart[last..line.max(last + 1) - 1].contains(&true) {
                let text = format!("line {line}");
                trace.push(Record::Mark(Mark { seq: 0, text, thread: 0, time_ns: None }));
            }
            last = line;
        }
        trace.push(record);
    }
    let summary = import.summary();
    if summary.accesses == 0 && summary.outside > 0 {
        let outside = summary.outside;
        return Err(Trouble::new(format!(
            "{path}: all its {outside} accesses lie outside the given windows"
        )));
    }
    let damage = (summary.damaged > 0)
        .then(|| format!("{path}: {} lines could not be read", summary.damaged));
    Ok(Log { trace, damage })
}

/// Whether a line that stands between two accesses means that they belong to two operations: an
/// empty one does, and where a person kept a device model's output, what was typed in between.
fn sets_apart(line: &[u8], format: Format) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || format == Format::RamWrite && Format::detect(line).is_none()
}
