//! `busprobe import` of a waveform: what an AXI4-Lite link in it carried.

use std::io;
use std::panic;
use std::process::ExitCode;

pub(super) use busprobe_logs::import::waveform::Format;

use busprobe_logs::export::Exporter;
use busprobe_logs::import::waveform::{Options, ReadError, read_fst, read_vcd};
use busprobe_trace::{Record, Sink};

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
    let trace = output::create(args.output.as_deref())?;
    let mut sink = Counted { trace, accesses: 0 };
    let read = match (format, input) {
        (Format::Vcd, input) => read_vcd(input.read(), &options, &mut sink),
        (Format::Fst, Input::File(file)) => {
            // The reader's panics come back as errors, and need no words of their own.
            let hook = panic::take_hook();
            panic::set_hook(Box::new(|_| {}));
            let read = read_fst(file, &options, &mut sink);
            panic::set_hook(hook);
            read
        }
        (Format::Fst, Input::Standard(_)) => {
            return Err(of_log("FST is not read from beginning to end: give the file's name"));
        }
    };
    let Counted { trace, accesses } = sink;
    trace.finish()?;
    read.map_err(|error| {
        let help = match error {
            ReadError::Links { .. } => " with --link",
            ReadError::NoClock { .. } => " with --clock",
            _ if accesses > 0 => "; kept is what came before",
            _ => "",
        };
        of_log(&format!("{error}{help}"))
    })?;
    if accesses == 0 {
        return Err(of_log("the link carried nothing, or nothing in the given window"));
    }
    let noun = if accesses == 1 { "access" } else { "accesses" };
    eprintln!("busprobe: {}: {}, {accesses} {noun} kept", args.log.display(), format.name());
    Ok(ExitCode::SUCCESS)
}

/// A trace that counts its accesses.
struct Counted {
    trace: Box<dyn Exporter>,
    accesses: u64,
}

impl Sink for Counted {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.accesses += u64::from(matches!(record, Record::Access(_)));
        self.trace.put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.trace.flush()
    }
}
