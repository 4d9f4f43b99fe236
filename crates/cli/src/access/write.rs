//! `busprobe write`: each value once, in the order given.

use std::process::ExitCode;

use busprobe_mmio::{Mode, Width};

use crate::access::manner::Halves;
use crate::access::operation::Operation;
use crate::access::place::{Assignment, Extent, check_field};
use crate::access::session::{Bus, width};
use crate::access::store::store;
use crate::trouble::Trouble;

/// Write values to elements of a window
///
/// One store for each value, in the order given, and nothing else: no read before or after.
/// OFFSET=VALUE,VALUE,... writes neighbours in ascending order. OFFSET:HIGH:LOW=VALUE writes a
/// field of bits, both included: one load, and one store of the element with the field replaced.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe write uio:dma 0x30=1
  busprobe write uio:dma 0x34:7:4=0xf --verify
  busprobe write mem:0x0a000000 0x0=0x11,0x22,0x33,0x44 0x40=1
  busprobe write uio:fifo 0x40=1,2,3 --fixed --dry-run")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// What to write where, one after the other
    #[arg(value_name = "PLACE=VALUE", required = true, allow_negative_numbers = true)]
    assignments: Vec<Assignment>,

    /// Bits of each access: 8, 16, 32 or 64
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = width)]
    width: Width,

    /// Stay at the offset: write all values to a FIFO's data register
    #[arg(long, conflicts_with = "verify")]
    fixed: bool,

    /// Read each element back after it was written; exit 1 when one differs
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let field = |assignment: &Assignment| matches!(assignment.place.extent, Extent::Field(_));
    if args.halves.split.is_some() && args.assignments.iter().any(field) {
        return Err(Trouble::new("a field is written by one store; name a half with --width 32"));
    }
    let mode = if args.fixed { Mode::Fixed } else { Mode::Incr };
    let operations = args
        .assignments
        .iter()
        .map(|assignment| operation(assignment, args.width, mode).map_err(Trouble::new))
        .collect::<Result<_, _>>()?;
    store(&args.bus, manner, operations, args.verify)
}

fn operation(assignment: &Assignment, width: Width, mode: Mode) -> Result<Operation, String> {
    let place = assignment.place;
    match place.extent {
        Extent::Element => {
            let block = assignment.block(width)?;
            let run = place.run(width, Some(block.len() as u64), mode)?;
            Ok(Operation::Write(run, block))
        }
        Extent::Bytes(_) => Err(format!(
            "{place}: `busprobe fill` writes one value to a range; several begin at an OFFSET"
        )),
        Extent::Field(field) => {
            let value = assignment.value()?;
            let value = check_field(field, width).and_then(|()| field.put(value));
            let value = value.map_err(|error| format!("{place}: {error}"))?;
            Ok(Operation::Update { offset: place.offset, width, mask: field.mask(), value })
        }
    }
}
