//! Two traces are the same when they put the same on the bus, in the same order.

use busprobe_trace::{Access, Capture, Data, Direction, Event, Header, Level, Mark, Trace};
use busprobe_verdict::{AxiLite, Change, Device, diff};
use proptest::prelude::*;

fn trace(events: Vec<Event>) -> Trace {
    Trace { events, ..Trace::new(Header::new(Level::Instruction, Capture::Native, "x86_64")) }
}

fn write(offset: u64, size: u32) -> Event {
    Event::Access(Access::new(Direction::Write, offset, size))
}

fn write_of(value: u8) -> Event {
    let data = Some(Data::new(&[value]));
    Event::Access(Access { data, ..Access::new(Direction::Write, 0, 1) })
}

fn mark(text: &str) -> Event {
    Event::Mark(Mark { seq: 0, text: text.into(), thread: 0, time_ns: None })
}

fn signs(first: Vec<Event>, second: Vec<Event>) -> Vec<String> {
    diff(&trace(first), &trace(second), &Device)
        .iter()
        .map(|diff| {
            let sign = |change: &Change| match change {
                Change::Same(_) => '=',
                Change::Removed(_) => '-',
                Change::Added(_) => '+',
            };
            diff.changes.iter().map(sign).collect()
        })
        .collect()
}

#[test]
fn the_same_accesses_are_the_same_whenever_and_wherever_they_came_from() {
    let early = vec![write(0, 4), write(4, 4)];
    let late = early.clone().into_iter().map(|event| match event {
        Event::Access(access) => {
            Event::Access(Access { time_ns: Some(7), thread: 3, site: Some(1), ..access })
        }
        other => other,
    });
    assert_eq!(signs(early.clone(), late.collect()), ["=="]);
}

#[test]
fn an_access_too_many_is_added() {
    let once = vec![write(0, 4), write(4, 4)];
    let twice = vec![write(0, 4), write(0, 4), write(4, 4)];
    assert_eq!(signs(once.clone(), twice.clone()), ["=+="]);
    assert_eq!(signs(twice, once), ["=-="]);
}

#[test]
fn another_width_is_another_access_but_can_be_the_same_beats() {
    let (wide, narrow) = (trace(vec![write(0, 8)]), trace(vec![write(0, 4), write(4, 4)]));
    assert!(!diff(&wide, &narrow, &Device)[0].is_same());
    assert!(diff(&wide, &narrow, &AxiLite::BITS_32)[0].is_same());
}

#[test]
fn data_counts_only_where_both_know_it() {
    assert_eq!(signs(vec![write_of(1)], vec![write_of(2)]), ["-+"]);
    let unknown = diff(&trace(vec![write_of(1)]), &trace(vec![write(0, 1)]), &Device);
    assert!(unknown[0].is_same() && !unknown[0].with_data);
}

#[test]
fn operations_belong_together_by_their_marks() {
    let first = vec![mark("a"), write(0, 4), mark("b"), write(4, 4)];
    let second = vec![mark("b"), write(4, 4), mark("c"), write(8, 4)];
    assert_eq!(signs(first, second), ["-", "=", "+"]);
}

#[test]
fn the_second_operation_of_a_name_belongs_to_the_second() {
    let first = vec![mark("a"), write(0, 4), mark("a"), write(4, 4)];
    let second = vec![mark("a"), write(0, 4)];
    assert_eq!(signs(first, second), ["=", "-"]);
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec((0..4_u64).prop_map(|word| write(word * 4, 4)), 1..20)
}

proptest! {
    #[test]
    fn each_side_of_a_diff_is_its_trace(first in events(), second in events()) {
        let diffs = diff(&trace(first.clone()), &trace(second.clone()), &Device);
        let side = |drop: fn(&Change) -> bool| -> Vec<u64> {
            diffs[0].changes.iter().filter(|change| !drop(change)).map(|change| match change {
                Change::Same(beat) | Change::Removed(beat) | Change::Added(beat) => beat.offset,
            }).collect()
        };
        let offsets = |events: &[Event]| -> Vec<u64> {
            trace(events.to_vec()).accesses().map(|access| access.offset).collect()
        };
        prop_assert_eq!(side(|change| matches!(change, Change::Added(_))), offsets(&first));
        prop_assert_eq!(side(|change| matches!(change, Change::Removed(_))), offsets(&second));
    }
}
