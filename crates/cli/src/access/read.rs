//! `busprobe read`: each element once, its value printed.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use busprobe_mmio::{Mode, Run, Width};

use crate::access::form::{Form, binary, json, padded, padded_field};
use crate::access::manner::Halves;
use crate::access::operation::Operation;
use crate::access::place::{Extent, Place};
use crate::access::session::{Bus, width};
use crate::trouble::Trouble;

/// Read elements of a window and print their values
///
/// One load for each element, in the order given; the window is mapped read-only. Values are
/// printed one a line, padded to the width of the access. PLACE is OFFSET for one element,
/// OFFSET+LENGTH or OFFSET-LAST for all in a range of bytes, OFFSET:HIGH:LOW for a field of bits.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe read uio:dma 0x4
  busprobe read mem:0x0a000000 0x0+64 --width 64
  busprobe read pci:0000:01:00.0/bar0 0x10:7:4 0x14
  busprobe read uio:timer 0x8 --width 64 --split hi-lo
  busprobe read uio:fifo 0x40 --count 16 --fixed --json")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    #[command(flatten)]
    halves: Halves,

    /// What to read, one after the other
    #[arg(value_name = "PLACE", default_value = "0", allow_negative_numbers = true)]
    places: Vec<Place>,

    /// Bits of each access: 8, 16, 32 or 64
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = width)]
    width: Width,

    /// How many elements, from the offset on
    #[arg(long, value_name = "N", value_parser = crate::access::place::count)]
    count: Option<u64>,

    /// Stay at the offset: read a FIFO's data register --count times
    #[arg(long)]
    fixed: bool,

    /// Print a JSON object for each place
    #[arg(long, conflicts_with = "raw")]
    json: bool,

    /// Print the bytes themselves
    #[arg(long)]
    raw: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let manner = args.bus.manner(args.halves.split);
    let mode = if args.fixed { Mode::Fixed } else { Mode::Incr };
    let run = |place: &Place| place.run(args.width, args.count, mode).map_err(Trouble::new);
    let runs = args.places.iter().map(run).collect::<Result<Vec<Run>, _>>()?;
    let operations: Vec<Operation> = runs.iter().copied().map(Operation::Read).collect();
    let Some(mut session) = args.bus.begin(manner, &operations)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let mut raw = binary::Writer { width: args.width, manner };
    let mut out = BufWriter::new(io::stdout().lock());
    for (place, run) in args.places.iter().zip(runs) {
        let field = match place.extent {
            Extent::Field(field) => Some(field),
            Extent::Element | Extent::Bytes(_) => None,
        };
        let mut json =
            args.json.then(|| json::Writer::new(args.bus.target.to_string(), run, field));
        let outcome = session.read(run, |block| {
            for element in block.values() {
                let value = field.map_or(element, |field| field.get(element));
                match &mut json {
                    Some(json) => json.put(&mut out, Some(value))?,
                    None if args.raw => raw.put(&mut out, Some(element))?,
                    None => match field {
                        Some(field) => writeln!(out, "{}", padded_field(value, field))?,
                        None => writeln!(out, "{}", padded(value, run.width))?,
                    },
                }
            }
            Ok(())
        });
        if let Some(mut json) = json {
            json.finish(&mut out)?;
        }
        out.flush()?;
        outcome?;
    }
    session.finish()?;
    Ok(ExitCode::SUCCESS)
}
