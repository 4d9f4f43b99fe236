//! Writes what an AXI4-Lite link in a waveform carried, as a trace in JSON Lines:
//! `vcd FILE [LINK]`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};

use busprobe_trace::{Sink, jsonl, vcd};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: vcd FILE [LINK]")?;
    let link = arguments.next();
    let options = vcd::Options { link: link.as_deref(), ..Default::default() };
    let mut out = jsonl::Writer::new(BufWriter::new(io::stdout().lock()));
    vcd::read(BufReader::new(File::open(path)?), &options, &mut out)?;
    out.flush()?;
    Ok(())
}
