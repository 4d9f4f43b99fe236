//! Writes the lines of `src/builds.tsv` for arm64 libcs: runs each library's own `memcpy` and
//! `memmove` in the lab, for every CPU that is known and every length, and compares with the
//! closed forms.
//!
//! `cargo run --release -p busprobe-diagnose --example signatures -- glibc VERSION LIBC [DEBUG]`
//!
//! A routine that no closed form describes is named on standard error.

use std::error::Error;

use busprobe_diagnose::{Call, Routine, Store};
use busprobe_lab::{
    Call as LabCall, Chosen, Cpu, Ending, Function, Lab, Routine as Code, Unaligned,
};

/// Every length up to here is compared, at each place of the destination and the source.
const LONGEST: u64 = 320;
/// And up to here with the destination and the source aligned.
const LONGEST_ALIGNED: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, version, libc, debug @ ..] = &arguments[..] else {
        return Err("usage: signatures LIBRARY VERSION LIBC [DEBUG]".into());
    };
    let mut lab = Lab::open(libc.as_ref(), Cpu::default())?;
    for path in debug {
        lab.add_symbols(path.as_ref())?;
    }
    let build_id = lab.build_id().unwrap_or("-").to_owned();
    for function in [Function::Memcpy, Function::Memmove] {
        for candidate in lab.candidates(function)? {
            let code = candidate.routine;
            let symbol = code.symbol.as_deref().unwrap_or("-");
            let cpus = match code.chosen {
                Chosen::Only => "any".to_owned(),
                _ => candidate.cpus.join(" "),
            };
            match find(&mut lab, &code)? {
                Some((routine, compared)) => println!(
                    "{library}\t{version}\taarch64\t{build_id}\t{function}\t{symbol}\t{routine}\t\
                     {compared}\t{cpus}"
                ),
                None => eprintln!("{library} {version} {code}: no closed form ({cpus})"),
            }
        }
    }
    Ok(())
}

/// The routine that the code is, and the lengths for which that was seen.
fn find(lab: &mut Lab, code: &Code) -> Result<Option<(&'static str, String)>, Box<dyn Error>> {
    // Code that needs what the emulator lacks for short blocks may do without for longer ones.
    let mut shortest = 1;
    while shortest <= 256 && stores(lab, code, &call(shortest, 0, 0))?.is_none() {
        shortest += 1;
    }
    for routine in Routine::ALL.iter().filter(|routine| routine.machine == "aarch64") {
        if is(lab, code, routine, shortest)? {
            let compared = format!("{shortest}-{LONGEST}, aligned to {LONGEST_ALIGNED}");
            return Ok(Some((routine.name, compared)));
        }
    }
    Ok(None)
}

fn is(
    lab: &mut Lab,
    code: &Code,
    routine: &Routine,
    shortest: u64,
) -> Result<bool, Box<dyn Error>> {
    for length in shortest..=LONGEST_ALIGNED {
        let places = if length <= LONGEST { 16 } else { 1 };
        for place in 0..places * places {
            let call = call(length, place / places, place % places);
            if stores(lab, code, &call)? != Some(routine.stores(&call)) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn call(length: u64, destination: u64, source: u64) -> Call {
    Call { length, destination, source, near: false }
}

/// What the code stores; `None` when the emulator cannot run it.
fn stores(lab: &mut Lab, code: &Code, call: &Call) -> Result<Option<Vec<Store>>, Box<dyn Error>> {
    let &Call { length, destination, source, .. } = call;
    let unaligned = Unaligned::Beats;
    let call = LabCall { destination, source, unaligned, ..LabCall::of(length) };
    let run = lab.run(code, &call)?;
    let store = |access: &busprobe_trace::Access| Store {
        offset: access.offset.wrapping_sub(destination),
        size: access.size,
    };
    let stores = run.trace.accesses().map(store).collect();
    Ok((run.ending == Ending::Returned).then_some(stores))
}
