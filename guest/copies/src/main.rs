//! `busprobe-guest-copies LIBC < CALLS`: runs a libc's code in the lab for each call, and prints
//! what a device that takes 4 bytes at most sees of it in QEMU. `copies.py` makes the same calls
//! in the guest.
//!
//! ```text
//! MARK memcpy|memmove|memset LENGTH DESTINATION SOURCE
//! ```
//! The output has the mark on a line of its own, then a line for each beat.

use std::error::Error;
use std::io::{self, BufWriter, Write};

use busprobe_lab::{Call, Cpu, Ending, Function, Lab, Unaligned};
use busprobe_verdict::{AxiLite, lower};

/// What `memset` fills with.
const FILL: u8 = 0xa5;

fn main() -> Result<(), Box<dyn Error>> {
    let libc = std::env::args_os().nth(1).ok_or("which libc?")?;
    let mut lab = Lab::open(libc.as_ref(), Cpu::named("cortex-a57")?)?;
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lines() {
        let line = line?;
        let [mark, function, numbers @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("no call: {line}").into());
        };
        let numbers: Vec<u64> =
            numbers.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
        let [length, destination, source] = numbers[..] else {
            return Err(format!("no call: {line}").into());
        };
        let function = [Function::Memcpy, Function::Memmove, Function::Memset]
            .into_iter()
            .find(|known| known.name() == *function)
            .ok_or_else(|| format!("no function: {function}"))?;
        let routine = lab.routine(function)?;
        let call = Call { destination, source, length, fill: FILL, unaligned: Unaligned::Bytes };
        let run = lab.run(&routine, &call)?;
        writeln!(out, "{mark}")?;
        if run.ending != Ending::Returned {
            writeln!(out, "{}", run.ending)?;
        }
        for beat in lower(&AxiLite::BITS_32, run.trace.accesses()) {
            let data = beat.data.ok_or("the lab knows all data")?;
            writeln!(out, "W addr {:#x} data {data:#} size {}", beat.offset, beat.size)?;
        }
    }
    Ok(())
}
