//! `busprobe poll`: read an element until it is what is waited for.

use std::io::{self, Write};
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use busprobe_mmio::{AccessError, Mode, Poll, PollError, Width};

use crate::access::form::padded;
use crate::access::operation::Operation;
use crate::access::place::{self, Assignment, Extent, Place};
use crate::access::session::{Bus, width};
use crate::trouble::Trouble;

/// Read an element until its bits are what is waited for
///
/// Prints the last value, and how many reads were made. The window is mapped read-only. Exit
/// status 1 when the time is over. A dry run shows the one read that is repeated.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe poll uio:dma 0x4:0=1
  busprobe poll uio:dma 0x4 --mask 0x1001 --value 0x1000 --timeout 500ms
  busprobe poll mem:0x0a000000 0x14=0 --interval 10us --json")]
pub(crate) struct Args {
    #[command(flatten)]
    bus: Bus,

    /// OFFSET=VALUE, or OFFSET:HIGH:LOW=VALUE to wait for a field; OFFSET with --value
    #[arg(value_name = "PLACE=VALUE", allow_negative_numbers = true)]
    awaited: Awaited,

    /// Bits of each access: 8, 16, 32 or 64
    #[arg(long, value_name = "BITS", default_value = "32", value_parser = width)]
    width: Width,

    /// The bits to look at; all, or those of the field
    #[arg(long, value_name = "MASK", value_parser = place::value)]
    mask: Option<u64>,

    /// What these bits are to become
    #[arg(long, value_name = "VALUE", value_parser = place::value)]
    value: Option<u64>,

    /// How long to wait: 500ms, 2s, 10us, or a number of seconds
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    timeout: Duration,

    /// How long to let the bus alone between two reads
    #[arg(long, value_name = "TIME", default_value = "1ms", value_parser = time)]
    interval: Duration,

    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// A place, and the value to wait for there if it says one.
#[derive(Clone, Debug)]
struct Awaited {
    place: Place,
    value: Option<u64>,
}

impl FromStr for Awaited {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.contains('=') {
            return Ok(Awaited { place: text.parse()?, value: None });
        }
        let assignment: Assignment = text.parse()?;
        Ok(Awaited { place: assignment.place, value: Some(assignment.value()?) })
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let (offset, width) = (args.awaited.place.offset, args.width);
    let (mask, value) = bits(args).map_err(Trouble::new)?;
    let read = args.awaited.place.run(width, None, Mode::Incr).map_err(Trouble::new)?;
    let poll = Poll::new(mask, value).timeout(args.timeout).interval(args.interval);
    let Some(mut session) = args.bus.begin(args.bus.manner(None), &[Operation::Read(read)])? else {
        return Ok(ExitCode::SUCCESS);
    };
    let outcome = session.poll(offset, width, &poll)?;
    session.finish()?;
    let (polled, became) = match &outcome {
        Ok(polled) => (polled, true),
        Err(PollError::Timeout { polled, .. }) => (polled, false),
        Err(PollError::Access(failure)) => return Err(failure.clone().into()),
    };
    let (last, reads) = (padded(polled.value, width), polled.reads);
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{{\"value\":\"{last}\",\"reads\":{reads},\"became\":{became}}}")?;
    } else {
        let plural = if reads == 1 { "" } else { "s" };
        writeln!(out, "{last} after {reads} read{plural}")?;
    }
    if let Err(timeout) = &outcome {
        eprintln!("busprobe: {timeout}");
    }
    Ok(ExitCode::from(u8::from(!became)))
}

/// The bits to look at, and what they are to become.
fn bits(args: &Args) -> Result<(u64, u64), String> {
    let width = args.width;
    let value = match (args.awaited.value, args.value) {
        (Some(value), None) | (None, Some(value)) => value,
        (Some(_), Some(_)) => return Err("the value is given twice: after = and by --value".into()),
        (None, None) => {
            return Err("what to wait for is missing; write PLACE=VALUE, like 0x4:0=1".into());
        }
    };
    let (mask, value) = match (args.awaited.place.extent, args.mask) {
        (Extent::Field(field), None) => {
            (field.mask(), field.put(value).map_err(|error| error.to_string())?)
        }
        (Extent::Field(_), Some(_)) => {
            return Err("the bits are given twice: as a field and by --mask".into());
        }
        (Extent::Element, mask) => (mask.unwrap_or(width.max_value()), value),
        (Extent::Bytes(_), _) => return Err("a poll is of one element, not of a range".into()),
    };
    if let Some(value) = [mask, value].into_iter().find(|value| *value > width.max_value()) {
        return Err(match args.awaited.place.extent {
            Extent::Field(field) => AccessError::FieldOutside { field, width }.to_string(),
            _ => AccessError::ValueTooLarge { value, width }.to_string(),
        });
    }
    if value & !mask != 0 {
        return Err(AccessError::OutsideMask { value, mask }.to_string());
    }
    Ok((mask, value))
}

fn time(text: &str) -> Result<Duration, String> {
    let units = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0), ("", 1.0)];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))
        .unwrap_or((text, &1.0));
    let seconds = number.parse::<f64>().ok().map(|number| number * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "times are like 500ms, 2s, 10us or 0.5".to_owned())
}
