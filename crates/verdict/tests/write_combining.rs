//! The judge of write-combining holds every outcome of the model for possible, and no other.

use std::collections::{BTreeMap, BTreeSet};

use busprobe_trace::{Access, Data, Direction};
use busprobe_verdict::{Beat, Bus, Impossible, WriteCombining, lower};
use proptest::prelude::*;
use proptest::sample::Index;

const LINE: u64 = 64;
const CHUNK: u64 = 8;

fn write(offset: u64, bytes: &[u8]) -> Access {
    let access = Access::new(Direction::Write, offset, bytes.len() as u32);
    Access { data: Some(Data::new(bytes)), ..access }
}

fn beat(offset: u64, bytes: &[u8]) -> Beat {
    let data = Some(Data::new(bytes));
    Beat { direction: Direction::Write, offset, size: bytes.len() as u32, data }
}

/// The words `values` at ascending addresses from 0.
fn words(values: std::ops::Range<u32>) -> Vec<Access> {
    values.map(|word| write(u64::from(word) * 4, &word.to_le_bytes())).collect()
}

/// A simulator of the model that sends a buffer whenever `choose` says so, and its chunks in an
/// order that `choose` gives. It keeps bytes one by one, and knows nothing of the judge's ways.
fn simulate(accesses: &[Access], mut choose: impl FnMut(usize) -> usize) -> Vec<Beat> {
    let mut lines: BTreeMap<u64, BTreeMap<u64, u8>> = BTreeMap::new();
    let mut log = Vec::new();
    for access in accesses {
        let data = access.data.unwrap();
        for (address, &byte) in (access.offset..).zip(data.bytes()) {
            lines.entry(address / LINE).or_default().insert(address, byte);
        }
        while !lines.is_empty() && choose(3) == 0 {
            send(&mut lines, &mut choose, &mut log);
        }
    }
    while !lines.is_empty() {
        send(&mut lines, &mut choose, &mut log);
    }
    log
}

fn send(
    lines: &mut BTreeMap<u64, BTreeMap<u64, u8>>,
    choose: &mut impl FnMut(usize) -> usize,
    log: &mut Vec<Beat>,
) {
    let line = *lines.keys().nth(choose(lines.len())).unwrap();
    let held = lines.remove(&line).unwrap();
    let size = if held.len() as u64 == LINE { LINE } else { CHUNK };
    let mut chunks: BTreeMap<u64, Vec<(u64, u8)>> = BTreeMap::new();
    for (address, byte) in held {
        chunks.entry(address / size).or_default().push((address, byte));
    }
    let mut chunks: Vec<_> = chunks.into_values().collect();
    while !chunks.is_empty() {
        let chunk = chunks.remove(choose(chunks.len()));
        for run in chunk.chunk_by(|one, other| one.0 + 1 == other.0) {
            let bytes: Vec<u8> = run.iter().map(|(_, byte)| *byte).collect();
            log.push(beat(run[0].0, &bytes));
        }
    }
}

fn chosen(choices: &[Index]) -> impl FnMut(usize) -> usize {
    let mut at = 0;
    move |count| {
        at += 1;
        choices[at % choices.len()].index(count)
    }
}

fn accesses() -> impl Strategy<Value = Vec<Access>> {
    let size = prop_oneof![Just(1_usize), Just(2), Just(4), Just(8), Just(16), Just(32), Just(64)];
    let access = (0_u64..160, size, any::<u8>()).prop_map(|(offset, size, value)| {
        let bytes: Vec<u8> = (0..size).map(|byte| value.wrapping_add(byte as u8)).collect();
        write(offset, &bytes)
    });
    prop::collection::vec(access, 1..40)
}

fn choices() -> impl Strategy<Value = Vec<Index>> {
    prop::collection::vec(any::<Index>(), 97)
}

proptest! {
    #[test]
    fn whatever_the_buffers_do_is_possible(accesses in accesses(), choices in choices()) {
        let log = simulate(&accesses, chosen(&choices));
        prop_assert_eq!(WriteCombining::X86.could(&accesses, &log), Ok(()));
    }

    #[test]
    fn the_typical_outcome_is_possible(accesses in accesses()) {
        for bus in [WriteCombining::X86, WriteCombining::ARM] {
            let log = lower(&bus, &accesses);
            prop_assert_eq!(bus.could(&accesses, &log), Ok(()));
        }
    }

    #[test]
    fn a_byte_more_often_than_stored_is_impossible(
        accesses in accesses(), choices in choices(), which in any::<Index>(), at in any::<Index>(),
    ) {
        let mut log = simulate(&accesses, chosen(&choices));
        let again = log[which.index(log.len())];
        let count = |offset: u64| {
            accesses.iter().filter(|a| (a.offset..a.end()).contains(&offset)).count()
        };
        // Until it has come once more than it was stored.
        for _ in 0..=count(again.offset) {
            log.insert(at.index(log.len()), again);
        }
        let impossible = WriteCombining::X86.could(&accesses, &log);
        let too_often = matches!(impossible, Err(Impossible::TooOften { .. }));
        prop_assert!(too_often, "{:?}", impossible);
    }

    #[test]
    fn a_value_that_was_never_stored_is_impossible(
        accesses in accesses(), choices in choices(), which in any::<Index>(),
    ) {
        let mut log = simulate(&accesses, chosen(&choices));
        let at = which.index(log.len());
        let offset = log[at].offset;
        let stored: BTreeSet<u8> = accesses
            .iter()
            .filter(|access| (access.offset..access.end()).contains(&offset))
            .map(|access| access.data.unwrap().bytes()[(offset - access.offset) as usize])
            .collect();
        let other = (0..=255).find(|value| !stored.contains(value)).unwrap();
        let mut bytes = log[at].data.unwrap().bytes().to_vec();
        bytes[0] = other;
        log[at] = beat(offset, &bytes);
        prop_assert_eq!(
            WriteCombining::X86.could(&accesses, &log),
            Err(Impossible::OtherData { offset })
        );
    }

    #[test]
    fn a_byte_that_never_comes_is_impossible(accesses in accesses(), choices in choices(), which in any::<Index>()) {
        let mut log = simulate(&accesses, chosen(&choices));
        let lost = log[which.index(log.len())].offset;
        log.retain(|beat| !(beat.offset..beat.end()).contains(&lost));
        let impossible = WriteCombining::X86.could(&accesses, &log);
        prop_assert!(matches!(impossible, Err(Impossible::Lost { .. })), "{:?}", impossible);
    }
}

/// Two bytes of one chunk, two values: all there is to choose from in the smallest case.
fn smallest() -> Vec<(u64, Vec<u8>)> {
    let mut all = Vec::new();
    for first in 0..2 {
        all.push((0, vec![first]));
        all.push((1, vec![first]));
        all.extend((0..2).map(|second| (0, vec![first, second])));
    }
    all
}

/// All sequences of up to `length` elements.
fn sequences<T: Clone>(of: &[T], length: usize) -> Vec<Vec<T>> {
    let mut all = vec![Vec::new()];
    let mut newest = all.clone();
    for _ in 0..length {
        newest = newest
            .iter()
            .flat_map(|begun| of.iter().map(|next| [begun.clone(), vec![next.clone()]].concat()))
            .collect();
        all.extend(newest.iter().cloned());
    }
    all
}

#[test]
fn in_the_smallest_case_the_judge_knows_every_outcome_and_no_other() {
    let things = smallest();
    let logs: Vec<Vec<Beat>> = sequences(&things, 3)
        .iter()
        .map(|log| log.iter().map(|(offset, bytes)| beat(*offset, bytes)).collect())
        .collect();
    let mut possible = 0;
    for stores in sequences(&things, 3) {
        let accesses: Vec<Access> =
            stores.iter().map(|(offset, bytes)| write(*offset, bytes)).collect();
        // The buffer goes out, or not, after each store.
        let mut outcomes = Vec::new();
        for cuts in 0..1_u32 << accesses.len() {
            let mut stored = 0;
            let log = simulate(&accesses, |count| {
                let asked = count == 3;
                stored += u32::from(asked);
                usize::from(asked && cuts >> (stored - 1) & 1 == 0)
            });
            outcomes.push(log);
        }
        for log in &logs {
            let is_possible = WriteCombining::X86.could(&accesses, log).is_ok();
            let is_outcome = outcomes.contains(log);
            possible += usize::from(is_possible);
            assert_eq!(is_possible, is_outcome, "{stores:?} as {log:?}");
        }
    }
    assert!(possible > 1000, "{possible}");
}

#[test]
fn combining_reorders_but_never_repeats() {
    let accesses = words(0..4);
    let x86 = WriteCombining::X86;
    let word = |word: u32| beat(u64::from(word) * 4, &word.to_le_bytes());
    assert_eq!(x86.could(&accesses, &[2, 0, 3, 1].map(word)), Ok(()));
    let twice = [0, 1, 2, 3, 0, 1, 2, 3].map(word);
    assert_eq!(
        x86.could(&accesses, &twice),
        Err(Impossible::TooOften { offset: 0, stored: 1, came: 2 })
    );
    let doubled = [words(0..4), words(0..4)].concat();
    assert_eq!(x86.could(&doubled, &twice), Ok(()), "two copies can be two");
    let pairs = [0, 1].map(|pair: u32| {
        beat(8 * u64::from(pair), &[2 * pair, 2 * pair + 1].map(u32::to_le_bytes).concat())
    });
    assert_eq!(x86.could(&doubled, &pairs), Ok(()), "or one");
}

#[test]
fn a_store_does_not_come_apart() {
    let log = [beat(0, &[0, 0]), beat(2, &[0, 0])];
    assert_eq!(
        WriteCombining::X86.could(&words(0..1), &log),
        Err(Impossible::NoOrder { offset: 0 })
    );
}

#[test]
fn only_a_whole_line_is_wider_than_a_chunk() {
    let accesses = words(0..16);
    let line: Vec<u8> = (0..16_u32).flat_map(u32::to_le_bytes).collect();
    let x86 = WriteCombining::X86;
    assert_eq!(x86.could(&accesses, &[beat(0, &line)]), Ok(()));
    let chunks: Vec<Beat> = (0..8).map(|at| beat(8 * at, &line[8 * at as usize..][..8])).collect();
    assert_eq!(x86.could(&accesses, &chunks), Ok(()), "it went out before the last byte came");
    let half = [beat(0, &line[..32]), beat(32, &line[32..])];
    assert_eq!(x86.could(&accesses, &half), Err(Impossible::NoTransaction { offset: 0, size: 32 }));
}

#[test]
fn loads_may_be_repeated_and_not_forgotten() {
    let read = Access::new(Direction::Read, 0, 4);
    let seen = Beat { direction: Direction::Read, offset: 0, size: 4, data: None };
    let x86 = WriteCombining::X86;
    assert_eq!(x86.could(std::slice::from_ref(&read), &[seen, seen]), Ok(()));
    assert_eq!(x86.could(&[read], &[]), Err(Impossible::Lost { offset: 0 }));
}

#[test]
fn a_million_stores_to_one_place_are_judged() {
    let accesses = vec![write(0, &[1, 2, 3, 4]); 1_000_000];
    let log = vec![beat(0, &[1, 2, 3, 4]); 1_000_000];
    assert_eq!(WriteCombining::X86.could(&accesses, &log), Ok(()));
    assert_eq!(WriteCombining::X86.could(&accesses, &log[1..]), Ok(()));
}
