//! Which routine each CPU gets from a libc.
//!
//! `cargo run -p busprobe-lab --example variants -- LIBC [DEBUG-FILE]`

use busprobe_lab::{Cpu, Function, Lab, LabError};

fn main() -> Result<(), LabError> {
    let mut arguments = std::env::args_os().skip(1);
    let libc = arguments.next().expect("usage: variants LIBC [DEBUG-FILE]");
    let mut lab = Lab::open(libc.as_ref(), Cpu::default())?;
    if let Some(symbols) = arguments.next() {
        lab.add_symbols(symbols.as_ref())?;
    }
    for function in [Function::Memcpy, Function::Memmove, Function::Memset] {
        for candidate in lab.candidates(function)? {
            println!("{}: {}", candidate.routine, candidate.cpus.join(" "));
        }
    }
    Ok(())
}
