//! `busprobe compare`: does a window hold what a file holds?

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_mmio::{Run, Width};
use serde::Serialize;

use crate::access::dump::Failures;
use crate::access::form::{self, FileForm, padded};
use crate::access::manner::Halves;
use crate::access::operation::Operation;
use crate::access::session::{Bus, width};
use crate::trouble::Trouble;

/// Compare a window with a file, element by element
///
/// One load for each element, ascending; the window is mapped read-only. Prints what differs, and
/// ends with status 1 when anything does.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe compare mem:0x0a000000+16K firmware.bin
  busprobe compare uio:table table.hex 0x100 --json")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// .hex and .mem are $readmemh words, .json is JSON, all others bytes; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where the first element is; 0, or where a JSON file says
    #[arg(value_name = "OFFSET", value_parser = crate::access::place::offset)]
    offset: Option<u64>,

    /// Bits of each access: 8, 16, 32 or 64; 32, or what the file shows
    #[arg(long, value_name = "BITS", value_parser = width)]
    width: Option<Width>,

    /// What the file is, whatever its name ends with
    #[arg(long, value_name = "FORM")]
    form: Option<FileForm>,

    /// Print a JSON object for each difference
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Difference {
    offset: u64,
    window: String,
    file: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let form::Content { block, offset } = form::load(&args.file, args.form, args.width, manner)?;
    let (width, count) = (block.width(), block.len() as u64);
    let run = Run::incr(args.offset.or(offset).unwrap_or(0), width, count);
    let Some(mut session) = args.bus.begin(manner, &[Operation::Read(run)])? else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let mut expected = block.values();
    let (mut differences, mut failures) = (0_u64, Failures::default());
    session.read_on(run, |offset, found| {
        let expected = expected.next().expect("one element of the file for each of the run");
        match found {
            Ok(found) if found == expected => return Ok(()),
            Ok(found) => {
                let (window, file) = (padded(found, width), padded(expected, width));
                differences += 1;
                if args.json {
                    serde_json::to_writer(&mut out, &Difference { offset, window, file })?;
                    writeln!(out)?;
                } else {
                    writeln!(out, "{offset:#x}: window {window}, file {file}")?;
                }
            }
            Err(failure) => failures.add(offset, failure),
        }
        Ok(())
    })?;
    if differences > 0 && !args.json {
        writeln!(out, "{differences} of {count} elements differ")?;
    }
    out.flush()?;
    session.finish()?;
    failures.into_result()?;
    Ok(ExitCode::from(u8::from(differences > 0)))
}
