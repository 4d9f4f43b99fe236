//! Writes what an AXI4-Lite link in a waveform (VCD) carried, as a trace in JSON Lines:
//! `waveform FILE [LINK]`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader, BufWriter};

use busprobe_logs::import::waveform::{Options, read_vcd};
use busprobe_trace::{Sink, jsonl};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: waveform FILE [LINK]")?;
    let link = arguments.next();
    let options = Options { link: link.as_deref(), ..Default::default() };
    let mut out = jsonl::Writer::new(BufWriter::new(io::stdout().lock()));
    read_vcd(BufReader::new(File::open(path)?), &options, &mut out)?;
    out.flush()?;
    Ok(())
}
