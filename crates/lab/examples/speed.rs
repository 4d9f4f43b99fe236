//! How fast the lab is: a million stores, and a sweep of 1 to 1,024 bytes at 16 offsets.
//!
//! `cargo run --release -p busprobe-lab --example speed -- $(python3 -m guest path libc6)`

use std::time::Instant;

use busprobe_lab::{Call, Cpu, Function, Lab, LabError, Unaligned};

fn main() -> Result<(), LabError> {
    let libc = std::env::args_os().nth(1).expect("usage: speed LIBC");
    let start = Instant::now();
    let mut lab = Lab::open(libc.as_ref(), Cpu::default())?;
    let routine = lab.routine(Function::Memcpy)?;
    println!("open and resolve: {:?}", start.elapsed());

    let start = Instant::now();
    let mut stores = 0;
    while stores < 1_000_000 {
        stores += lab.run(&routine, &Call::of(64 << 10))?.trace.accesses().count();
    }
    println!("{stores} stores of 32 bytes, traced: {:?}", start.elapsed());

    let start = Instant::now();
    let mut stores = 0;
    for length in 1..=1024 {
        for destination in 0..16 {
            let call = Call { destination, unaligned: Unaligned::Beats, ..Call::of(length) };
            stores += lab.run(&routine, &call)?.trace.accesses().count();
        }
    }
    println!("1 to 1024 bytes at 16 offsets, {stores} stores: {:?}", start.elapsed());
    Ok(())
}
