//! Writes the trace of one aligned `memcpy` into a window, in JSON Lines:
//! `cargo run -p busprobe-lab --example copy -- LIBC WORDS`.

use std::error::Error;
use std::io;

use busprobe_lab::{Call, Cpu, Function, Lab, Unaligned};
use busprobe_trace::jsonl;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [libc, words] = &arguments[..] else { return Err("usage: copy LIBC WORDS".into()) };
    let words: u64 = words.parse()?;
    let mut lab = Lab::open(libc.as_ref(), Cpu::default())?;
    let routine = lab.routine(Function::Memcpy)?;
    let run = lab.run(&routine, &Call { unaligned: Unaligned::Beats, ..Call::of(4 * words) })?;
    jsonl::write(&run.trace, io::stdout().lock())?;
    Ok(())
}
