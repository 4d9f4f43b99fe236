//! `busprobe load`: a file's elements into a window.

use std::path::PathBuf;
use std::process::ExitCode;

use busprobe_mmio::{Mode, Run, Width};

use crate::access::form::{self, FileForm};
use crate::access::manner::Halves;
use crate::access::operation::Operation;
use crate::access::session::{Bus, width};
use crate::access::store::store;
use crate::trouble::Trouble;

/// Write a file's elements to a window
///
/// One store for each element, ascending. The whole file is read and checked before the first.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe load mem:0x0a000000+16K firmware.bin
  busprobe load uio:table table.hex 0x100 --verify
  busprobe load uio:fifo words.json 0x40 --fixed")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// .hex and .mem are $readmemh words, .json is JSON, all others bytes; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where the first element goes; 0, or where a JSON file says
    #[arg(value_name = "OFFSET", value_parser = crate::access::place::offset)]
    offset: Option<u64>,

    /// Bits of each access: 8, 16, 32 or 64; 32, or what the file shows
    #[arg(long, value_name = "BITS", value_parser = width)]
    width: Option<Width>,

    /// What the file is, whatever its name ends with
    #[arg(long, value_name = "FORM")]
    form: Option<FileForm>,

    /// Stay at the offset: write all elements to a FIFO's data register
    #[arg(long, conflicts_with = "verify")]
    fixed: bool,

    /// Read each element back after all are written; exit 1 when one differs
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let content = form::load(&args.file, args.form, args.width, manner)?;
    let mode = if args.fixed { Mode::Fixed } else { Mode::Incr };
    let offset = args.offset.or(content.offset).unwrap_or(0);
    let run = Run::block(offset, content.block.width(), content.block.len() as u64, mode);
    store(&args.bus, manner, vec![Operation::Write(run, content.block)], args.verify)
}
