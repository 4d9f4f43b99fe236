//! Writes the beats that a trace becomes on a bus, as a trace at the level of the bus:
//! `beats BUS < trace.jsonl`.

use std::error::Error;
use std::io::{self, BufWriter};

use busprobe_trace::{Access, Event, Header, Level, Trace, jsonl};
use busprobe_verdict::{Beat, bus_by_name, lower};

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("usage: beats BUS < trace.jsonl")?;
    let bus = bus_by_name(&name)?;
    let trace = jsonl::read(io::stdin().lock())?;

    let mut on_the_bus = Trace::new(Header { level: Level::Bus, ..trace.header.clone() });
    on_the_bus.windows.clone_from(&trace.windows);
    let access = |(seq, beat): (usize, &Beat)| {
        let access = Access::new(beat.direction, beat.offset, beat.size);
        Event::Access(Access { seq: seq as u64, data: beat.data, ..access })
    };
    let beats = lower(bus.as_ref(), trace.accesses());
    on_the_bus.events = beats.iter().enumerate().map(access).collect();
    jsonl::write(&on_the_bus, BufWriter::new(io::stdout().lock()))?;
    Ok(())
}
