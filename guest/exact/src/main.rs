//! `busprobe-guest-exact TARGET < EXPERIMENTS`: makes the accesses that the lines ask for, so that
//! they can be compared with what the bus saw. `exact.py` is the same in Python.
//!
//! ```text
//! MARK write|read|fill WIDTH OFFSET COUNT STRIDE
//! ```
//! A 32-bit write of MARK to [`MARK`] comes before the accesses. Byte `i` of what is written is
//! `i` modulo 256; a fill writes the first element of that. What is read, or the error, is printed
//! after the mark.

use std::error::Error;
use std::io;

use busprobe_mmio::{AccessError, Run, Target, Width, Window};

/// Where in the window marks are written.
const MARK: u64 = 0x3ff0;

fn main() -> Result<(), Box<dyn Error>> {
    let target = std::env::args().nth(1).ok_or("which target?")?;
    let window = Window::open(&Target::parse(&target)?)?;
    for line in io::stdin().lines() {
        let line = line?;
        let [mark, kind, numbers @ ..] = &line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("no experiment: {line}").into());
        };
        let numbers: Vec<i64> =
            numbers.iter().map(|word| word.parse()).collect::<Result<_, _>>()?;
        let [width, offset, count, stride] = numbers[..] else {
            return Err(format!("no experiment: {line}").into());
        };
        let width = Width::from_bits(width as u32).ok_or("which width?")?;
        let run = Run { offset: offset as u64, width, count: count as u64, stride };
        window.write32(MARK, mark.parse()?)?;
        match access(&window, kind, run) {
            Ok(values) => println!("{mark} {}", values.join(" ")),
            Err(error) => println!("{mark} error: {error}"),
        }
    }
    Ok(())
}

/// Makes one experiment's accesses; the elements that were read, as hexadecimal numbers.
fn access(window: &Window, kind: &str, run: Run) -> Result<Vec<String>, AccessError> {
    let width = run.width.bytes() as usize;
    let mut bytes: Vec<u8> = (0..width * run.count as usize).map(|i| i as u8).collect();
    let number = |element: &[u8]| element.iter().rfold(0, |n, byte| n << 8 | u64::from(*byte));
    match kind {
        // SAFETY: `bytes` holds all of the run's elements.
        "write" => unsafe { window.write_run(run, bytes.as_ptr())? },
        "fill" => window.fill(run, number(&bytes[..width]))?,
        // SAFETY: as above.
        _ => unsafe { window.read_run(run, bytes.as_mut_ptr())? },
    }
    let read = if kind == "read" { &bytes[..] } else { &[] };
    Ok(read.chunks(width).map(|element| format!("{:#x}", number(element))).collect())
}
