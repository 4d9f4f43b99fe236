//! From bare logs back to what made them.

#[path = "../../lab/tests/golden/mod.rs"]
mod golden;

use busprobe_diagnose::{
    Call, CauseKind, Diagnosis, Finding, Routine, Row, diagnose, fit_counts, read_counts,
};
use busprobe_trace::{Access, Capture, Data, Direction, Event, Header, Level, Mark, Trace};
use busprobe_verdict::{AxiLite, Bus, WriteCombining, lower};
use golden::Write;
use proptest::prelude::*;

fn log(accesses: impl IntoIterator<Item = Access>) -> Trace {
    let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
    trace.events.extend(accesses.into_iter().map(Event::Access));
    trace
}

fn store(offset: u64, size: u32, value: u64) -> Access {
    let data = Some(Data::new(&value.to_le_bytes()[..size as usize]));
    Access { data, ..Access::new(Direction::Write, offset, size) }
}

fn load(offset: u64, size: u32) -> Access {
    Access::new(Direction::Read, offset, size)
}

fn listed(writes: &[Write]) -> Vec<Access> {
    writes.iter().map(|write| store(write.offset, write.size, write.data)).collect()
}

fn only(diagnosis: &Diagnosis) -> &Finding {
    let [block] = &diagnosis.blocks[..] else { panic!("{} blocks", diagnosis.blocks.len()) };
    block
}

fn copies(block: &Finding) -> Vec<&str> {
    block.copies.iter().map(|fit| fit.routine.name).collect()
}

#[test]
fn each_listing_is_the_generic_copy_of_glibc_and_has_its_replacement() {
    for (words, writes) in golden::read().slices {
        let diagnosis = diagnose(&log(listed(&writes)));
        let block = only(&diagnosis);
        let fit = block.copies.iter().find(|fit| fit.routine.name == "glibc-generic");
        let fit = fit.unwrap_or_else(|| panic!("{words} words are {:?}", copies(block)));
        assert_eq!(fit.length, 4 * words);
        assert!(fit.sources.is_empty() || fit.sources.contains(&0));
        assert!(block.with_data);
        let index = if words == 1 { "0".to_owned() } else { format!("0:{words}") };
        let value = if words == 1 { "value" } else { "data" };
        let line = format!("busprobe.view(mm, \"I\")[{index}] = {value}");
        assert_eq!(block.remedy.as_deref(), Some(line.as_str()));
        assert_eq!(diagnosis.is_exact(), words == 8);
    }
}

#[test]
fn write_combining_makes_no_duplicates() {
    for (words, writes) in golden::read().slices {
        let diagnosis = diagnose(&log(listed(&writes)));
        let combining = only(&diagnosis).fits(CauseKind::WriteCombining);
        // Another order alone it could make, where memory is mapped so.
        assert_eq!(combining, Some(matches!(words, 8 | 32)), "{words} words");
    }
}

#[test]
fn a_whole_session_falls_into_its_blocks() {
    let slices = golden::read().slices;
    let longer: Vec<_> = slices.iter().filter(|(words, _)| *words > 1).collect();
    let all: Vec<Access> = longer.iter().flat_map(|(_, writes)| listed(writes)).collect();
    let diagnosis = diagnose(&log(all));
    let counts: Vec<usize> = diagnosis.blocks.iter().map(|block| block.count).collect();
    assert_eq!(counts, [8, 8, 32, 68]);
    assert!(diagnosis.blocks.iter().all(|block| copies(block).contains(&"glibc-generic")));
    assert!(diagnosis.common.contains(&"glibc-generic"));
    assert!(!diagnosis.common.iter().any(|name| name.contains("thunderx")));
}

#[test]
fn marks_set_operations_apart() {
    let mut trace = log([]);
    for (words, writes) in golden::read().slices {
        let mark = Mark { seq: 0, text: format!("{words}"), thread: 0, time_ns: None };
        trace.events.push(Event::Mark(mark));
        trace.events.extend(listed(&writes).into_iter().map(Event::Access));
    }
    let diagnosis = diagnose(&trace);
    let names: Vec<&str> =
        diagnosis.blocks.iter().map(|block| block.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["1", "4", "8", "32", "64"]);
}

#[test]
fn a_pause_ends_an_operation() {
    let at = |time_ns: u64, offset: u64| Access { time_ns: Some(time_ns), ..store(offset, 4, 1) };
    let diagnosis = diagnose(&log([at(0, 0), at(100, 4), at(1_000_000, 8), at(1_000_100, 12)]));
    assert_eq!(diagnosis.blocks.len(), 2);
    assert_eq!((diagnosis.blocks[1].first, diagnosis.blocks[1].count), (3, 2));
}

#[test]
fn the_table_of_counts_alone_names_the_routines() {
    let table = golden::read().table;
    let rows: Vec<Row> =
        table.iter().map(|(words, beats)| Row { words: *words, beats: *beats as u64 }).collect();
    let fits = fit_counts(&rows);
    let all: Vec<&str> =
        fits.iter().filter(|fit| fit.others.is_empty()).map(|fit| fit.routine.name).collect();
    // The order, which counts do not show, would tell these apart.
    assert_eq!(all, ["glibc-generic", "musl", "glibc-falkor", "glibc-sse2"]);
    let thunderx = fits.iter().find(|fit| fit.routine.name == "glibc-thunderx").unwrap();
    let others: Vec<u64> = thunderx.others.iter().map(|row| row.words).collect();
    assert_eq!(others, [4, 32]);
}

#[test]
fn a_table_may_have_headings_and_remarks() {
    let rows = read_counts("words writes\n1 2 Doubled\n\n64 68 Extra 4 writes\n").unwrap();
    assert_eq!(rows, [Row { words: 1, beats: 2 }, Row { words: 64, beats: 68 }]);
    assert!(read_counts("nothing\n").unwrap_err().to_string().contains("64 68"));
    let huge = read_counts("1 1\n99999999999 1\n").unwrap_err();
    assert!(huge.to_string().starts_with("line 2: "), "{huge}");
}

#[test]
fn a_loop_is_exact() {
    let diagnosis = diagnose(&log((0..5).map(|word| store(4 * word, 4, word))));
    assert!(diagnosis.is_exact());
    assert_eq!(only(&diagnosis).fits(CauseKind::EachOnce), Some(true));
}

#[test]
fn ctypes_reads_before_it_writes() {
    let pairs = (0..3).flat_map(|word| [load(4 * word, 4), store(4 * word, 4, 7)]);
    let diagnosis = diagnose(&log(pairs));
    let block = only(&diagnosis);
    assert_eq!(block.fits(CauseKind::ReadBeforeWrite), Some(true));
    assert!(block.copies.is_empty() && !diagnosis.is_exact());
}

#[test]
fn pack_into_zeroes_first() {
    let zeros = (0..4).map(|word| store(4 * word, 4, 0));
    let values = (0..4).map(|word| store(4 * word, 4, word + 1));
    let diagnosis = diagnose(&log(zeros.chain(values)));
    let block = only(&diagnosis);
    assert_eq!(block.fits(CauseKind::ZeroedFirst), Some(true));
    assert!(block.copies.is_empty(), "a copy puts the same bytes twice: {:?}", copies(block));
}

#[test]
fn each_beat_twice_in_a_row_is_a_retry_or_a_copy_of_one_element_at_a_time() {
    let strided = (0..4).flat_map(|word| [store(8 * word, 4, 7), store(8 * word, 4, 7)]);
    let diagnosis = diagnose(&log(strided));
    assert_eq!(only(&diagnosis).fits(CauseKind::EachRepeated), Some(true));
    let block_twice = [0, 4, 0, 4].map(|offset| store(offset, 4, 7));
    let diagnosis = diagnose(&log(block_twice));
    assert_eq!(only(&diagnosis).fits(CauseKind::EachRepeated), Some(false));
}

#[test]
fn the_upper_half_first_is_seen() {
    let halves = [4, 0, 12, 8].map(|offset| store(offset, 4, offset));
    assert_eq!(only(&diagnose(&log(halves))).fits(CauseKind::UpperHalfFirst), Some(true));
}

#[test]
fn a_write_combined_log_is_told_from_a_copy() {
    // A program that fills a line from both ends and never finishes it, and a full one.
    let words = [0, 13, 1, 12, 2, 11, 3, 10, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28]
        .map(|word| store(4 * word, 4, word));
    let rest = [29, 30, 31].map(|word| store(4 * word, 4, word));
    let beats = lower(&WriteCombining::X86, words.iter().chain(&rest));
    assert!(beats.iter().any(|beat| beat.size == 64));
    let as_seen = beats.iter().map(|beat| Access {
        data: beat.data,
        ..Access::new(beat.direction, beat.offset, beat.size)
    });
    let mut trace = log([]);
    let mark = Mark { seq: 0, text: "combined".into(), thread: 0, time_ns: None };
    trace.events.push(Event::Mark(mark));
    trace.events.extend(as_seen.map(Event::Access));
    let diagnosis = diagnose(&trace);
    let combining = diagnosis
        .blocks
        .iter()
        .filter(|block| block.count > 1)
        .all(|block| block.fits(CauseKind::WriteCombining) == Some(true));
    assert!(combining && diagnosis.blocks.iter().any(|block| block.count > 1));
}

#[test]
fn what_nothing_makes_is_said_to_be_made_by_nothing() {
    // Words in no order, some again with other data, some never.
    let mut state = 1_u64;
    let noise: Vec<Access> = (0..60)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            store((state >> 33) % 32 * 4, 4, state >> 20)
        })
        .collect();
    let diagnosis = diagnose(&log(noise));
    let unexplained: usize =
        diagnosis.blocks.iter().filter(|b| !b.is_explained()).map(|block| block.count).sum();
    assert!(unexplained >= 50, "{unexplained} of 60 beats");
    assert!(diagnosis.common.is_empty() && !diagnosis.is_exact());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_routine_is_found_in_its_own_log(
        which in 0..Routine::ALL.len(), words in 1..300_u64, start in 0..16_u64, source in 0..4_u64,
        near: bool, wide: bool,
    ) {
        let routine = &Routine::ALL[which];
        let (start, length) = (start * 4, words * 4);
        let call = Call { length, destination: start, source: source * 4, near };
        let accesses: Vec<Access> = routine
            .stores(&call)
            .iter()
            .map(|store| {
                let at = start + store.offset;
                let bytes: Vec<u8> = (at..at + u64::from(store.size)).map(|at| at as u8).collect();
                let access = Access::new(Direction::Write, at, store.size);
                Access { data: Some(Data::new(&bytes)), ..access }
            })
            .collect();
        let bus = if wide { AxiLite::BITS_64 } else { AxiLite::BITS_32 };
        let seen = lower(&bus, &accesses);
        prop_assert!(bus.could(&accesses, &seen).is_ok());
        let diagnosis = diagnose(&log(seen.iter().map(|beat| Access {
            data: beat.data,
            ..Access::new(beat.direction, beat.offset, beat.size)
        })));
        let block = only(&diagnosis);
        prop_assert!(copies(block).contains(&routine.name), "{} is {:?}", routine.name, copies(block));
    }
}
