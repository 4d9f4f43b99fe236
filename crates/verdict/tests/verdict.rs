//! Verdicts say what happened, in the words of the table that began it.

use busprobe_trace::{Access, Data, Direction, Event, Loss, LossKind, Syscall};
use busprobe_verdict::{AxiLite, Bus, Class, Device, Intent, Verdict, lower, remedy};
use proptest::prelude::*;

fn writes(accesses: &[(u64, u32)]) -> Vec<Event> {
    let write = |&(offset, size): &(u64, u32)| Access::new(Direction::Write, offset, size);
    accesses.iter().map(write).map(Event::Access).collect()
}

fn judge(accesses: &[(u64, u32)], intent: &str) -> Verdict {
    Verdict::of(&writes(accesses), &AxiLite::BITS_32, &intent.parse().unwrap())
}

fn check(accesses: &[(u64, u32)], intent: &str, classes: &[Class], words: &str) {
    let verdict = judge(accesses, intent);
    assert_eq!(verdict.to_string(), words);
    assert_eq!(verdict.classes(), classes);
}

#[test]
fn a_loop_of_words_is_exact() {
    let block: Vec<(u64, u32)> = (0..4).map(|i| (4 * i, 4)).collect();
    check(&block, "W 0x0 4x32", &[Class::Exact], "4 writes for 4 words: exact");
}

#[test]
fn a_head_and_a_tail_over_the_same_bytes_are_doubled() {
    use Class::Doubled;
    check(&[(0, 4), (0, 4)], "W 0 1x32", &[Doubled], "2 writes for 1 word: the word written twice");
    check(
        &[(0, 16), (0, 16)],
        "W 0 4x32",
        &[Doubled],
        "8 writes for 4 words: every word written twice",
    );
}

#[test]
fn wide_stores_in_order_are_exact_on_a_narrow_bus() {
    check(&[(0, 16), (16, 16)], "W 0 8x32", &[Class::Exact], "8 writes for 8 words: exact");
}

#[test]
fn a_tail_that_overlaps_the_loop_is_extra() {
    let mut block: Vec<(u64, u32)> = (0..13).map(|i| (16 * i, 16)).collect();
    block.extend((12..16).map(|i| (16 * i, 16)));
    check(
        &block,
        "W 0 64x32",
        &[Class::Doubled, Class::Extra],
        "68 writes for 64 words: 4 words written twice",
    );
}

#[test]
fn a_tail_first_is_out_of_order() {
    let block = [(64, 32), (0, 64), (96, 32)];
    check(&block, "W 0 32x32", &[Class::OutOfOrder], "32 writes for 32 words: out of order");
}

#[test]
fn what_is_not_there_is_missing() {
    check(&[(0, 4), (8, 4)], "W 0 3x32", &[Class::Missing], "2 writes for 3 words: 1 word missing");
    check(&[], "W 0 3x32", &[Class::Missing], "0 writes for 3 words: every word missing");
}

#[test]
fn a_write_elsewhere_is_extra() {
    check(&[(0, 4), (8, 4)], "W 0 1x32", &[Class::Extra], "2 writes for 1 word: 1 write elsewhere");
}

#[test]
fn a_read_before_the_write_is_extra() {
    let mut events = vec![Event::Access(Access::new(Direction::Read, 0, 4))];
    events.extend(writes(&[(0, 4)]));
    let verdict = Verdict::of(&events, &AxiLite::BITS_32, &"W 0x0 1x32".parse().unwrap());
    assert_eq!(verdict.classes(), [Class::Extra]);
    assert_eq!(verdict.to_string(), "1 write and 1 read for 1 word: 1 read that nobody asked for");
}

#[test]
fn a_long_word_on_a_short_bus_is_split() {
    check(
        &[(0, 8)],
        "W 0 1x64",
        &[Class::Split],
        "2 writes for 1 64-bit word: a 64-bit word in several writes",
    );
    let wide = Verdict::of(&writes(&[(0, 8)]), &AxiLite::BITS_64, &"W 0 1x64".parse().unwrap());
    assert!(wide.is_exact());
}

#[test]
fn bytes_that_travel_together_are_merged() {
    check(
        &[(0, 4)],
        "W 0 4x8",
        &[Class::Merged],
        "1 write for 4 bytes: several bytes in one write",
    );
    let issued = Verdict::of(&writes(&[(0, 16)]), &Device, &"W 0 4x32".parse().unwrap());
    assert_eq!(issued.classes(), [Class::Merged]);
}

#[test]
fn a_word_that_begins_inside_a_bus_word_is_unaligned() {
    check(
        &[(2, 4)],
        "W 2 1x32",
        &[Class::Split, Class::Unaligned],
        "2 writes for 1 word: a word in several writes, 1 unaligned",
    );
}

#[test]
fn a_fifo_takes_its_words_at_one_address() {
    let same = [(8, 4), (8, 4), (8, 4)];
    for (intent, class, words) in [
        ("W 8 3x32 fixed", Class::Exact, "3 writes for 3 words to one address: exact"),
        ("W 8 2x32 fixed", Class::Extra, "3 writes for 2 words to one address: 1 write too many"),
        ("W 8 4x32 fixed", Class::Missing, "3 writes for 4 words to one address: 1 word missing"),
    ] {
        check(&same, intent, &[class], words);
    }
}

#[test]
fn elements_that_came_again_unequally_often_are_said_so() {
    check(
        &[(0, 4), (4, 4), (4, 4), (8, 4), (8, 4), (8, 4)],
        "W 0 3x32",
        &[Class::Doubled, Class::Extra],
        "6 writes for 3 words: 2 words written up to 3 times",
    );
}

#[test]
fn what_was_not_seen_keeps_a_verdict_from_being_exact() {
    let mut events = writes(&[(0, 4)]);
    events.push(Event::Loss(Loss {
        seq: 1,
        kind: LossKind::Missed,
        detail: "3 records lost".into(),
        count: Some(3),
    }));
    let verdict = Verdict::of(&events, &AxiLite::BITS_32, &"W 0 1x32".parse().unwrap());
    assert!(!verdict.is_exact());
    assert_eq!(
        verdict.to_string(),
        "1 write for 1 word: nothing wrong in what was seen, but not seen: 3 records lost"
    );
    let call = Syscall {
        seq: 0,
        name: "read".into(),
        window: 0,
        offset: 0,
        length: 4,
        thread: 1,
        time_ns: None,
    };
    let verdict =
        Verdict::of(&[Event::Syscall(call)], &AxiLite::BITS_32, &"W 0 1x32".parse().unwrap());
    assert!(verdict.to_string().contains("the kernel's own accesses in read (4 bytes at 0x0)"));
}

#[test]
fn beats_carry_the_bytes_of_their_access() {
    let data = Data::new(&[1, 2, 3, 4, 5, 6]);
    let access = Access { data: Some(data), ..Access::new(Direction::Write, 2, 6) };
    let beats = lower(&AxiLite::BITS_32, [&access]);
    let seen: Vec<_> =
        beats.iter().map(|b| (b.offset, b.size, b.strobes(4), b.data.unwrap())).collect();
    assert_eq!(
        seen,
        [(2, 2, 0b1100, Data::new(&[1, 2])), (4, 4, 0b1111, Data::new(&[3, 4, 5, 6]))]
    );
}

#[test]
fn the_remedy_is_a_line_to_paste() {
    let line = |text: &str| remedy::python(&text.parse().unwrap());
    assert_eq!(line("W 0x0 4x32").unwrap(), "busprobe.view(mm, \"I\")[0:4] = data");
    assert_eq!(line("W 0x8 1x32").unwrap(), "busprobe.view(mm, \"I\")[2] = value");
    assert_eq!(line("R 0x10 2x64").unwrap(), "data = busprobe.view(mm, \"Q\")[2:4]");
    assert_eq!(line("W 0x2 1x32"), None);
}

#[test]
fn a_text_that_is_no_intent_says_what_it_lacks() {
    for (text, what) in [
        ("", "direction"),
        ("X 0 1x32", "R or W"),
        ("W zero 1x32", "start"),
        ("W 0 0x32", "count"),
        ("W 0 4x12", "width"),
        ("W 0xffffffffffffffff 4x32", "last address"),
    ] {
        let error = text.parse::<Intent>().unwrap_err().to_string();
        assert!(error.contains(what) && error.contains("W 0x0 64x32"), "{text:?}: {error}");
    }
}

fn accesses() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec(
        (0_u64..64, prop_oneof![Just(1_u32), Just(2), Just(4), Just(8), Just(16)]),
        1..20,
    )
}

proptest! {
    #[test]
    fn lowering_keeps_every_byte_once_and_in_order(accesses in accesses()) {
        for bus in [AxiLite::BITS_32, AxiLite::BITS_64] {
            for &(offset, size) in &accesses {
                let beats = lower(&bus, [&Access::new(Direction::Write, offset, size)]);
                let bytes: Vec<u64> = beats.iter().flat_map(|b| b.offset..b.end()).collect();
                prop_assert_eq!(bytes, (offset..offset + u64::from(size)).collect::<Vec<_>>());
                let width = u64::from(bus.width());
                prop_assert!(beats.iter().all(|b| b.offset / width == (b.end() - 1) / width));
            }
        }
    }

    #[test]
    fn an_inferred_intent_misses_nothing_and_has_nothing_elsewhere(accesses in accesses()) {
        let events = writes(&accesses);
        let all = events.iter().filter_map(|e| match e { Event::Access(a) => Some(a), _ => None });
        let intent = Intent::infer(all, Direction::Write, 4).unwrap();
        let verdict = Verdict::of(&events, &AxiLite::BITS_32, &intent);
        prop_assert!(!verdict.classes().contains(&Class::Missing), "{} {}", intent, verdict);
        prop_assert!(!verdict.to_string().contains("elsewhere"));
    }

    #[test]
    fn ascending_elements_once_each_are_exact_and_any_change_is_not(
        count in 1_u64..200, start in 0_u64..50, spoil in any::<prop::sample::Index>(),
    ) {
        let block: Vec<(u64, u32)> = (start..start + count).map(|i| (4 * i, 4)).collect();
        let intent = format!("W {} {count}x32", 4 * start);
        prop_assert!(judge(&block, &intent).is_exact());
        let at = spoil.index(block.len());
        let mut again = block.clone();
        again.insert(at, block[at]);
        prop_assert!(!judge(&again, &intent).is_exact());
        let mut fewer = block.clone();
        fewer.remove(at);
        prop_assert!(!judge(&fewer, &intent).is_exact());
        if at > 0 {
            let mut swapped = block.clone();
            swapped.swap(at, at - 1);
            prop_assert!(!judge(&swapped, &intent).is_exact());
        }
    }

    #[test]
    fn an_intent_reads_back_as_it_is_written(write: bool, start in 0_u64..1 << 40, count in 1_u64..1000, bits in 0..4, fixed: bool) {
        let direction = if write { Direction::Write } else { Direction::Read };
        let make = if fixed { Intent::fixed } else { Intent::block };
        let intent = make(direction, start, count, 1_u32 << bits);
        prop_assert_eq!(intent.to_string().parse::<Intent>().unwrap(), intent);
    }
}
