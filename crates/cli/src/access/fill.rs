//! `busprobe fill`: one value to every element of a range.

use std::process::ExitCode;

use busprobe_mmio::{AccessError, Mode, Width};

use crate::access::manner::Halves;
use crate::access::operation::Operation;
use crate::access::place::{Assignment, Extent};
use crate::access::session::{Bus, width};
use crate::access::store::store;
use crate::trouble::Trouble;

/// Write one value to every element of a range
///
/// One store for each element, ascending.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe fill mem:0x0a000000+16K 0x0+1K=0
  busprobe fill uio:video 0x1000=0xff00ff --count 1920")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// OFFSET+LENGTH=VALUE or OFFSET-LAST=VALUE; OFFSET=VALUE with --count
    #[arg(value_name = "RANGE=VALUE", allow_negative_numbers = true)]
    assignment: Assignment,

    /// Bits of each access: 8, 16, 32 or 64
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = width)]
    width: Width,

    /// How many elements, from the offset on
    #[arg(long, value_name = "N", value_parser = crate::access::place::count)]
    count: Option<u64>,

    /// Stay at the offset: write the value to a FIFO's data register --count times
    #[arg(long, conflicts_with = "verify")]
    fixed: bool,

    /// Read each element back after all are written; exit 1 when one differs
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let mode = if args.fixed { Mode::Fixed } else { Mode::Incr };
    let place = args.assignment.place;
    if matches!(place.extent, Extent::Field(_)) {
        return Err(Trouble::new(format!("{place}: `busprobe write` writes fields")));
    }
    let run = place.run(args.width, args.count, mode).map_err(Trouble::new)?;
    let (value, width) = (args.assignment.value().map_err(Trouble::new)?, args.width);
    if value > width.max_value() {
        return Err(AccessError::ValueTooLarge { value, width }.into());
    }
    store(&args.bus, manner, vec![Operation::Fill(run, value)], args.verify)
}
