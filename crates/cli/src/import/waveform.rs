//! `busprobe import` of a waveform: what an AXI4-Lite link in it carried.

use std::panic;
use std::process::ExitCode;

pub(super) use busprobe_logs::import::waveform::Format;

use busprobe_logs::import::waveform::{Options, ReadError, Summary, read_fst, read_vcd};

use super::source::Input;
use super::{Args, output};
use crate::trouble::Trouble;

/// Writes the trace of the link that `args` names, or of the only one.
pub(super) fn import(args: &Args, format: Format, input: Input) -> Result<ExitCode, Trouble> {
    let of_log = |what: &str| Trouble::new(format!("{}: {what}", args.log.display()));
    let only = match args.windows[..] {
        [] => None,
        [window] => Some(window.0.base..=window.0.base + (window.0.length - 1)),
        _ => return Err(Trouble::new("a waveform's link is one window: give one --window")),
    };
    let options = Options { link: args.link.as_deref(), clock: args.clock.as_deref(), only };
    let mut trace = output::create(args.output.as_deref())?;
    let read = match (format, input) {
        (Format::Vcd, input) => read_vcd(input.read(), &options, trace.as_mut()),
        (Format::Fst, Input::File(file)) => {
            // The reader's panics come back as errors, and need no words of their own.
            let hook = panic::take_hook();
            panic::set_hook(Box::new(|_| {}));
            let read = read_fst(file, &options, trace.as_mut());
            panic::set_hook(hook);
            read
        }
        (Format::Fst, Input::Standard(_)) => {
            return Err(of_log("FST is not read from beginning to end: give the file's name"));
        }
    };
    trace.finish()?;
    let summary = read.map_err(|error| {
        let help = match error {
            ReadError::Links { .. } => " with --link",
            ReadError::NoClock { .. } => " with --clock",
            ReadError::Vcd { line: 2.., .. } => "; kept is what came before",
            _ => "",
        };
        of_log(&format!("{error}{help}"))
    })?;
    if summary.accesses == 0 {
        return Err(of_log("the link carried nothing, or nothing in the given window"));
    }
    let is_sound = summary.cut_off.is_none() && summary.backwards.is_none();
    eprintln!("busprobe: {}: {}", args.log.display(), describe(format, &summary));
    Ok(ExitCode::from(if is_sound { 0 } else { 2 }))
}

/// `vcd, 9 accesses kept; the file was cut off in line 801`
fn describe(format: Format, summary: &Summary) -> String {
    let noun = if summary.accesses == 1 { "access" } else { "accesses" };
    let mut parts = vec![format!("{}, {} {noun} kept", format.name(), summary.accesses)];
    if let Some(place) = &summary.cut_off {
        parts.push(format!("the file was cut off in {place}"));
    }
    if let Some(place) = &summary.backwards {
        parts.push(format!("time goes backwards, first in {place}"));
    }
    parts.join("; ")
}
