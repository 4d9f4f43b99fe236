//! The published listings and the table of a Cortex-A57, from the libcs' own code.

mod golden;
mod libcs;

use busprobe_lab::{Call, Cpu, Ending, Function, Lab, Routine, Unaligned};
use busprobe_trace::Trace;
use busprobe_verdict::{AxiLite, Beat, lower};

use golden::Write;

/// What the trace puts on a 32-bit bus.
fn beats(trace: &Trace) -> Vec<Beat> {
    lower(&AxiLite::BITS_32, trace.accesses())
}

fn writes(trace: &Trace) -> Vec<Write> {
    beats(trace)
        .iter()
        .map(|beat| {
            let bytes = beat.data.unwrap();
            let data = bytes.bytes().iter().rfold(0, |value, byte| value << 8 | u64::from(*byte));
            Write { offset: beat.offset, data, size: beat.size }
        })
        .collect()
}

fn copies_as_listed(lab: &mut Lab, routine: &Routine) {
    let golden = golden::read();
    // The listings were made with a QEMU that let unaligned stores pass.
    let call = |words: u64| Call { unaligned: Unaligned::Bytes, ..Call::of(4 * words) };
    for (words, expected) in &golden.slices {
        let run = lab.run(routine, &call(*words)).unwrap();
        assert_eq!(run.ending, Ending::Returned);
        assert_eq!(&writes(&run.trace), expected, "{words} words by {routine}");
    }
    for (words, expected) in &golden.table {
        let run = lab.run(routine, &call(*words)).unwrap();
        assert_eq!(writes(&run.trace).len(), *expected, "{words} words by {routine}");
    }
    assert_eq!((golden.slices.len(), golden.table.len()), (5, 10));
}

#[test]
fn glibc_on_a_cortex_a57_copies_as_listed() {
    let Some(libc) = libcs::path("libc6") else { return };
    for function in [Function::Memcpy, Function::Memmove] {
        let mut lab = Lab::open(&libc, Cpu::named("cortex-a57").unwrap()).unwrap();
        let routine = lab.routine(function).unwrap();
        copies_as_listed(&mut lab, &routine);
    }
}

#[test]
fn musl_copies_as_listed() {
    let Some(libc) = libcs::path("musl") else { return };
    for function in [Function::Memcpy, Function::Memmove] {
        let mut lab = Lab::open(&libc, Cpu::default()).unwrap();
        let routine = lab.routine(function).unwrap();
        assert_eq!(routine.symbol.as_deref(), Some(function.name()), "musl exports its routines");
        copies_as_listed(&mut lab, &routine);
    }
}

/// 920 bytes end in pairs of 16-byte registers that begin at 856, a multiple of 8 and not of 16.
#[test]
fn of_the_table_only_230_words_would_fault_on_device_memory() {
    let Some(libc) = libcs::path("libc6") else { return };
    let mut lab = Lab::open(&libc, Cpu::default()).unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    for (words, _) in golden::read().table {
        let run = lab.run(&routine, &Call::of(4 * words)).unwrap();
        match run.ending {
            Ending::Returned => assert_ne!(words, 230),
            Ending::AlignmentFault { offset, alignment, .. } => {
                assert_eq!((words, offset, alignment), (230, 856, 16));
            }
            Ending::NotExecuted { .. } => panic!("{}", run.ending),
        }
    }
}
