//! Which routine each CPU gets from a libc.
//!
//! `cargo run -p busprobe-lab --example variants -- LIBC [DEBUG-FILE]`

use busprobe_lab::{Cpu, Function, Lab, LabError};

fn main() -> Result<(), LabError> {
    let mut arguments = std::env::args_os().skip(1);
    let libc = arguments.next().expect("usage: variants LIBC [DEBUG-FILE]");
    let symbols = arguments.next();
    for name in Cpu::names() {
        let cpu = Cpu::named(name).expect("one of its own names");
        let mut lab = Lab::open(libc.as_ref(), cpu)?;
        if let Some(symbols) = &symbols {
            lab.add_symbols(symbols.as_ref())?;
        }
        let routines: Vec<String> = [Function::Memcpy, Function::Memmove, Function::Memset]
            .into_iter()
            .map(|function| lab.routine(function).map(|routine| routine.to_string()))
            .collect::<Result<_, _>>()?;
        println!("{name:14} {}", routines.join("  "));
    }
    Ok(())
}
