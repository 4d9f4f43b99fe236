//! What is judged as it goes by is judged as if all of it had been looked at at once.

use std::collections::{BTreeMap, BTreeSet};

use busprobe_trace::{Access, Direction, PythonLine};
use busprobe_verdict::{AxiLite, Bus, Class, Device, Intent, Judge, Verdict, bus_by_name, lower};
use proptest::prelude::*;

fn judge(mut judge: Judge, accesses: &[Access]) -> Vec<Verdict> {
    for access in accesses {
        judge.access(access);
    }
    judge.finish()
}

fn infer(accesses: &[Access], bus: &dyn Bus) -> Vec<Verdict> {
    judge(Judge::inferring(bus, None), accesses)
}

/// The classes of `accesses` of one direction, found the slow way: byte by byte, beat by beat.
fn slow(accesses: &[Access], bus: &dyn Bus) -> (String, BTreeSet<&'static str>) {
    let direction = accesses[0].direction;
    let fits = |width: u64| {
        accesses.iter().all(|a| a.offset % width == 0 && u64::from(a.size) % width == 0)
    };
    let widths = [8, 4, 2, 1].into_iter().filter(|&width| width <= u64::from(bus.width()));
    let width = widths.clone().find(|&width| fits(width)).unwrap();
    let mut times: BTreeMap<u64, u32> = BTreeMap::new();
    let mut classes = BTreeSet::new();
    for beat in lower(bus, accesses) {
        let elements: Vec<u64> = (beat.offset / width..beat.end().div_ceil(width)).collect();
        for &element in &elements {
            if !times.contains_key(&element) && times.range(element..).next().is_some() {
                classes.insert("out of order");
            }
            *times.entry(element).or_default() += 1;
        }
        if elements.len() > 1 {
            classes.insert("merged");
        }
    }
    let counts: BTreeSet<u32> = times.values().copied().collect();
    if counts != [1].into() {
        classes.insert("doubled");
    }
    if counts.len() > 1 {
        classes.insert("extra");
    }
    if accesses.iter().any(|access| {
        let natural = access.size.min(bus.width());
        access.offset % (1 << natural.ilog2()) != 0
    }) {
        classes.insert("unaligned");
    }
    if classes.is_empty() {
        classes.insert("exact");
    }
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &element in times.keys() {
        match runs.last_mut() {
            Some((start, count)) if *start + *count == element => *count += 1,
            _ => runs.push((element, 1)),
        }
    }
    let run = |&(start, count): &(u64, u64)| {
        format!("{} {:#x} {count}x{}", direction.letter(), start * width, width * 8)
    };
    let shown: Vec<String> = runs.iter().take(8).map(run).collect();
    let more = match runs.len() {
        0..=8 => String::new(),
        all => format!(" + {} more runs", all - 8),
    };
    (shown.join(" + ") + &more, classes)
}

fn accesses() -> impl Strategy<Value = Vec<Access>> {
    let offset = prop_oneof![0..16_u64, 240..280_u64, 0..2000_u64].prop_map(|word| word * 4);
    let offset = prop_oneof![4 => offset, 1 => 0..100_u64];
    let size = prop_oneof![Just(1_u32), Just(2), Just(4), Just(8), Just(16), Just(64)];
    let access = (offset, size, any::<bool>()).prop_map(|(offset, size, reads)| {
        Access::new(if reads { Direction::Read } else { Direction::Write }, offset, size)
    });
    prop::collection::vec(access, 1..40)
}

proptest! {
    #[test]
    fn an_inferred_verdict_is_the_one_found_the_slow_way(accesses in accesses()) {
        for bus in [&AxiLite::BITS_32 as &dyn Bus, &AxiLite::BITS_64, &Device] {
            let verdicts = infer(&accesses, bus);
            let mut expected = Vec::new();
            for direction in [Direction::Write, Direction::Read] {
                let one_way: Vec<Access> =
                    accesses.iter().filter(|a| a.direction == direction).cloned().collect();
                if !one_way.is_empty() {
                    expected.push((slow(&one_way, bus), one_way));
                }
            }
            prop_assert_eq!(verdicts.len(), expected.len());
            for (verdict, ((intent, classes), one_way)) in verdicts.iter().zip(expected) {
                prop_assert_eq!(verdict.intent().to_string(), intent);
                let found: BTreeSet<_> = verdict.classes().iter().map(|class| class.name()).collect();
                prop_assert_eq!(found, classes);
                prop_assert_eq!(verdict.accesses(), one_way.len() as u64);
                prop_assert_eq!(verdict.beat_count(), lower(bus, &one_way).len() as u64);

                let given = Judge::against(bus, vec![verdict.intent().clone()]);
                let given = judge(given, &one_way);
                prop_assert_eq!(&given[0], verdict, "given or inferred");
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_inferred_is_judged_as_if_it_were_given_on_every_bus(
        accesses in accesses(),
        bus in prop::sample::select(&[
            "beats:8",
            "axi4-lite-32:null-beats=64",
            "axi4-lite-64:strobes=ignored",
            "wc-x86",
            "wc-x86:buffers=1",
            "normal-nc-arm",
        ]),
    ) {
        let bus = bus_by_name(bus).unwrap();
        let writes: Vec<Access> = accesses
            .into_iter()
            .map(|access| Access { direction: Direction::Write, ..access })
            .collect();
        let inferred = infer(&writes, bus.as_ref());
        let intent = inferred[0].intent().clone();
        let alone = Intent::infer(&writes, Direction::Write, bus.width());
        prop_assert_eq!(alone.as_ref(), Some(&intent));
        let given = judge(Judge::against(bus.as_ref(), vec![intent]), &writes);
        prop_assert_eq!(&given, &inferred);
    }
}

fn at(offset: u64, size: u32, instruction: u32) -> Access {
    Access { site: Some(instruction), ..Access::new(Direction::Write, offset, size) }
}

#[test]
fn one_instruction_again_and_again_at_one_address_is_a_fifo() {
    let fifo = vec![at(8, 4, 1); 300];
    let verdicts = infer(&fifo, &AxiLite::BITS_32);
    assert_eq!(verdicts[0].intent().to_string(), "W 0x8 300x32 fixed");
    assert_eq!(verdicts[0].to_string(), "300 writes for 300 words to one address: exact");
    let poll = vec![Access { direction: Direction::Read, ..at(8, 4, 1) }; 3];
    let said = infer(&poll, &AxiLite::BITS_32)[0].to_string();
    assert_eq!(said, "3 reads for 3 words from one address: exact");
}

#[test]
fn a_fifo_is_one_on_every_bus() {
    let fifo = vec![at(8, 4, 1); 3];
    for (bus, words) in [
        ("wc-x86", "1 write for 3 words to one address: 2 words missing"),
        ("beats:32,null-beats=64", "6 writes for 3 words to one address: 3 writes too many"),
    ] {
        let bus = bus_by_name(bus).unwrap();
        let inferred = infer(&fifo, bus.as_ref());
        assert_eq!(inferred[0].to_string(), words);
        let given = vec![inferred[0].intent().clone()];
        assert_eq!(judge(Judge::against(bus.as_ref(), given), &fifo), inferred);
    }
}

#[test]
fn two_instructions_at_one_address_are_a_copy_that_overlaps() {
    let verdicts = infer(&[at(8, 4, 1), at(8, 4, 2)], &AxiLite::BITS_32);
    assert_eq!(verdicts[0].to_string(), "2 writes for 1 word: the word written twice");
    let unknown = vec![Access::new(Direction::Write, 8, 4); 2];
    assert_eq!(infer(&unknown, &AxiLite::BITS_32)[0].classes(), [Class::Doubled]);
}

#[test]
fn a_beat_of_two_words_is_merged_wherever_it_lies() {
    let bus = bus_by_name("normal-nc-arm").unwrap();
    let narrow = [Access::new(Direction::Write, 52, 8)];
    let merged = infer(&narrow, bus.as_ref());
    assert_eq!(merged[0].classes(), [Class::Merged, Class::Unaligned]);
}

fn python(instruction: &str) -> PythonLine {
    PythonLine {
        file: "a.py".into(),
        line: 1,
        function: "<module>".into(),
        offset: Some(2),
        instruction: Some(instruction.into()),
    }
}

#[test]
fn a_python_line_that_stores_asks_for_no_read_of_the_same_place() {
    let update = [Access::new(Direction::Read, 0, 4), Access::new(Direction::Write, 0, 4)];
    let judged = |accesses: &[Access], instruction| {
        let line = python(instruction);
        let verdicts = judge(Judge::inferring(&AxiLite::BITS_32, Some(&line)), accesses);
        verdicts.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let asked = "1 write and 1 read for 1 word: 1 read that nobody asked for";
    assert_eq!(judged(&update, "STORE_ATTR"), [asked]);
    let both = ["1 write for 1 word: exact", "1 read for 1 word: exact"];
    assert_eq!(judged(&update, "CALL"), both);
    let copy = [Access::new(Direction::Read, 64, 4), Access::new(Direction::Write, 0, 4)];
    assert_eq!(judged(&copy, "STORE_SUBSCR"), both);
    assert_eq!(judged(&copy[..1], "STORE_SUBSCR"), both[1..]);
}

#[test]
fn only_so_many_beats_are_kept_as_are_asked_for() {
    let verdicts = judge(
        Judge::inferring(&AxiLite::BITS_32, None).keeping_beats(3),
        &[at(0, 16, 1), at(16, 16, 1)],
    );
    assert_eq!((verdicts[0].beats().len(), verdicts[0].beat_count()), (3, 8));
}

#[test]
fn reads_and_writes_that_were_both_meant_are_judged_apart() {
    let update = [Access::new(Direction::Read, 0, 4), at(0, 4, 1)];
    let intents: Vec<Intent> =
        ["R 0x0 1x32", "W 0x0 1x32"].iter().map(|text| text.parse().unwrap()).collect();
    let verdicts = judge(Judge::against(&AxiLite::BITS_32, intents), &update);
    assert!(verdicts.iter().all(Verdict::is_exact));
}
