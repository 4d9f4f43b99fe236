//! `busprobe import` of a log, line by line.

use std::io::{self, BufRead};
use std::path::Path;
use std::process::ExitCode;

use busprobe_logs::export::Exporter;
use busprobe_logs::import::{Format, Import, Options, Summary};

use super::source::Input;
use super::{Args, output};
use crate::trouble::Trouble;

/// A log with more bad lines than this has said what is wrong with it.
const ERRORS_SHOWN: u64 = 10;

pub(super) fn import(
    args: &Args,
    format: Option<Format>,
    input: Input,
) -> Result<ExitCode, Trouble> {
    let windows = args.windows.iter().map(|addresses| addresses.0).collect();
    let options = Options { format, windows, mark: args.mark };
    let of_log = |what: &str| Trouble::new(format!("{}: {what}", args.log.display()));
    let import = Import::new(input.read(), &options).map_err(|error| of_log(&error.to_string()))?;
    let trace = output::create(args.output.as_deref())?;
    let converted = convert(import, &args.log, trace);
    let summary = converted.map_err(|error| match &args.output {
        Some(path) => Trouble::of_file(path, &error),
        None => error.into(),
    })?;
    if summary.accesses == 0 {
        return Err(match summary.outside {
            0 => of_log("no access in it"),
            outside => of_log(&format!("all its {outside} accesses lie outside the given windows")),
        });
    }
    Ok(ExitCode::from(if summary.is_sound() { 0 } else { 2 }))
}

/// Writes the trace, and says on standard error what became of the log.
fn convert(
    mut import: Import<impl BufRead>,
    log: &Path,
    mut trace: Box<dyn Exporter>,
) -> io::Result<Summary> {
    let mut errors = 0;
    for record in import.by_ref() {
        match record {
            Ok(record) => trace.put(&record)?,
            Err(error) => {
                errors += 1;
                if errors <= ERRORS_SHOWN {
                    eprintln!("busprobe: {}: {error}", log.display());
                }
            }
        }
    }
    trace.finish()?;
    let summary = import.summary();
    eprintln!("busprobe: {}: {}", log.display(), describe(import.format(), &summary));
    Ok(summary)
}

/// `qemu-trace, 7 lines: 5 accesses kept; 1 foreign line (the first is line 1)`
fn describe(format: Format, summary: &Summary) -> String {
    let &Summary { lines, accesses, foreign, damaged, outside, nested, .. } = summary;
    let kept = count(accesses, "access");
    let mut parts = vec![format!("{format}, {}: {kept} kept", count(lines, "line"))];
    let mut add = |number: u64, noun: &str, remark: &str| {
        if number > 0 {
            parts.push(format!("{}{remark}", count(number, noun)));
        }
    };
    add(damaged, "unreadable line", "");
    add(outside, "access", " outside the given windows");
    add(nested, "repetition", " by an outer region left out");
    let first = summary.first_foreign.map_or(String::new(), |line| format!(", first line {line}"));
    add(foreign, "foreign line", &first);
    if let Some(line) = summary.backwards {
        parts.push(format!("time goes backwards, first in line {line}"));
    }
    if let Some((other, line)) = summary.mixed {
        parts.push(format!("line {line} is {other}: import it by itself with --format {other}"));
    }
    parts.join("; ")
}

fn count(number: u64, noun: &str) -> String {
    match (number, noun) {
        (1, noun) => format!("1 {noun}"),
        (number, "access") => format!("{number} accesses"),
        (number, noun) => format!("{number} {noun}s"),
    }
}
