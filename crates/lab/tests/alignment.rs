//! What becomes of stores that are not aligned to their size.

mod libcs;

use std::cell::RefCell;

use busprobe_lab::{Call, Cpu, Ending, Function, Lab, Unaligned, pattern};
use busprobe_trace::{LossKind, Trace};
use proptest::prelude::*;

/// What the window holds when all of the trace has come through, within the call's bytes.
fn replayed(trace: &Trace, call: &Call) -> Vec<Option<u8>> {
    let mut memory = vec![None; call.length as usize];
    for access in trace.accesses() {
        let data = access.data.expect("the emulator knows all data");
        for (index, byte) in data.bytes().iter().enumerate() {
            let at = access.offset + index as u64 - call.destination;
            memory[at as usize] = Some(*byte);
        }
    }
    memory
}

fn copied(call: &Call) -> Vec<Option<u8>> {
    pattern(call.length).into_iter().map(Some).collect()
}

fn labs() -> Option<Vec<Lab>> {
    let open = |part| Some(Lab::open(&libcs::path(part)?, Cpu::default()).unwrap());
    Some(vec![open("libc6")?, open("musl")?])
}

#[test]
fn every_size_ends_in_a_copy_and_stays_within_it() {
    let Some(labs) = labs() else { return };
    for mut lab in labs {
        for function in [Function::Memcpy, Function::Memmove] {
            let routine = lab.routine(function).unwrap();
            for length in 1..=2048 {
                let call = Call { unaligned: Unaligned::Beats, ..Call::of(length) };
                let run = lab.run(&routine, &call).unwrap();
                assert_eq!(run.ending, Ending::Returned);
                assert_eq!(replayed(&run.trace, &call), copied(&call), "{length} bytes");
            }
        }
    }
}

#[test]
fn any_offset_ends_in_a_copy_and_stays_within_it() {
    let Some(labs) = labs() else { return };
    let labs = RefCell::new(labs);
    let calls = (0..64_u64, 0..64_u64, 1..2048_u64, prop::bool::ANY, 0..2_usize);
    proptest!(ProptestConfig::with_cases(500), |((destination, source, length, bytes, which) in calls)| {
        let unaligned = if bytes { Unaligned::Bytes } else { Unaligned::Beats };
        let call = Call { destination, source, unaligned, ..Call::of(length) };
        let lab = &mut labs.borrow_mut()[which];
        let routine = lab.routine(Function::Memcpy).unwrap();
        let run = lab.run(&routine, &call).unwrap();
        prop_assert_eq!(replayed(&run.trace, &call), copied(&call));
    });
}

#[test]
fn by_default_an_unaligned_store_faults_and_nothing_follows() {
    let Some(labs) = labs() else { return };
    let mut lab = labs.into_iter().next().unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    // The last 16 of 20 bytes are one register's.
    let run = lab.run(&routine, &Call::of(20)).unwrap();
    let Ending::AlignmentFault { site, offset, alignment } = &run.ending else {
        panic!("{}", run.ending);
    };
    assert_eq!((*offset, *alignment), (4, 16));
    assert!(site.text.as_ref().unwrap().starts_with("stur q"), "{site:?}");
    assert!(run.trace.accesses().all(|access| access.offset != 4));
    let kinds: Vec<LossKind> = run.trace.losses().map(|loss| loss.kind).collect();
    assert_eq!(kinds, [LossKind::Missed]);
}

#[test]
fn split_into_bytes_an_unaligned_store_says_so() {
    let Some(labs) = labs() else { return };
    let mut lab = labs.into_iter().next().unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    let call = Call { unaligned: Unaligned::Bytes, ..Call::of(20) };
    let run = lab.run(&routine, &call).unwrap();
    assert_eq!(run.ending, Ending::Returned);
    let sizes: Vec<u32> = run.trace.accesses().map(|access| access.size).collect();
    assert_eq!(sizes.iter().filter(|size| **size == 1).count(), 16);
    let losses: Vec<_> = run.trace.losses().map(|loss| (loss.kind, loss.count)).collect();
    assert_eq!(losses, [(LossKind::Approximate, Some(1))]);
}

/// Counts that were found on stock parts: QEMU 7.2's byte splitting, and an interconnect's.
#[test]
fn a_source_off_by_four_costs_what_it_was_seen_to_cost() {
    let Some(labs) = labs() else { return };
    let mut lab = labs.into_iter().next().unwrap();
    let routine = lab.routine(Function::Memcpy).unwrap();
    let mut beats = |words: u64, unaligned| {
        let call = Call { source: 4, unaligned, ..Call::of(4 * words) };
        let run = lab.run(&routine, &call).unwrap();
        let words = |access: &busprobe_trace::Access| access.end().div_ceil(4) - access.offset / 4;
        run.trace.accesses().map(words).sum::<u64>()
    };
    let bytes = [64, 128, 230, 256].map(|words| beats(words, Unaligned::Bytes));
    assert_eq!(bytes, [212, 468, 916, 980]);
    let split = [64, 128, 230, 256].map(|words| beats(words, Unaligned::Beats));
    assert_eq!(split, [68, 132, 244, 260]);
}
