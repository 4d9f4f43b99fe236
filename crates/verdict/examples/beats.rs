//! Writes the beats that a trace becomes on a bus, as a trace at the level of the bus:
//! `beats BUS < trace.jsonl`.

use std::error::Error;
use std::io::{self, BufWriter};

use busprobe_trace::{Access, Event, Header, Level, Trace, jsonl};
use busprobe_verdict::bus_by_name;

fn main() -> Result<(), Box<dyn Error>> {
    let name = std::env::args().nth(1).ok_or("usage: beats BUS < trace.jsonl")?;
    let bus = bus_by_name(&name).ok_or("no such bus: axi4-lite-32, axi4-lite-64 or device")?;
    let trace = jsonl::read(io::stdin().lock())?;

    let mut on_the_bus = Trace::new(Header { level: Level::Bus, ..trace.header.clone() });
    on_the_bus.windows.clone_from(&trace.windows);
    for access in trace.accesses() {
        let mut beats = Vec::new();
        bus.lower(access, &mut beats);
        on_the_bus.events.extend(beats.iter().map(|beat| {
            Event::Access(Access {
                data: beat.data,
                ..Access::new(beat.direction, beat.offset, beat.size)
            })
        }));
    }
    for (seq, event) in on_the_bus.events.iter_mut().enumerate() {
        if let Event::Access(access) = event {
            access.seq = seq as u64;
        }
    }
    jsonl::write(&on_the_bus, BufWriter::new(io::stdout().lock()))?;
    Ok(())
}
