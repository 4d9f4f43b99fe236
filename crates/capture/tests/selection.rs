//! What of a stream of records comes into a trace, and what the trace says of the rest.

use busprobe_capture::{Filter, Selected, Selection, Trigger};
use busprobe_trace::{
    Access, Capture, Data, Direction, Event, Header, Level, LossKind, Mark, Record, Repeat, Sink,
    Site, Syscall, Trace,
};

fn write(offset: u64, value: u32) -> Record {
    access(Direction::Write, offset, &value.to_le_bytes())
}

fn read(offset: u64, value: u32) -> Record {
    access(Direction::Read, offset, &value.to_le_bytes())
}

fn access(direction: Direction, offset: u64, data: &[u8]) -> Record {
    let data = Data::new(data);
    let size = data.bytes().len() as u32;
    Record::Access(Access { data: Some(data), ..Access::new(direction, offset, size) })
}

fn mark(text: &str) -> Record {
    Record::Mark(Mark { seq: 0, text: text.to_owned(), thread: 0, time_ns: None })
}

fn header() -> Header {
    Header::new(Level::Instruction, Capture::Native, "x86_64")
}

fn selected(selection: &Selection, records: &[Record]) -> Trace {
    let mut sink = Selected::new(selection.clone(), Trace::new(header()));
    sink.put(&Record::Trace(header())).expect("memory takes all");
    for record in records {
        sink.put(record).expect("memory takes all");
    }
    let (trace, finished) = sink.finish();
    finished.expect("memory takes all");
    trace
}

/// `W0x4/4`, `MARK text`, `LOSS 3` with its count.
fn story(trace: &Trace) -> Vec<String> {
    let line = |event: &Event| match event {
        Event::Access(a) => format!("{}{:#x}/{}", a.direction.letter(), a.offset, a.size),
        Event::Mark(mark) => format!("MARK {}", mark.text),
        Event::Syscall(call) => format!("SYSCALL {}", call.name),
        Event::Loss(loss) => {
            assert_eq!(loss.kind, LossKind::Missed);
            format!("LOSS {}", loss.count.expect("it was counted"))
        }
    };
    trace.events.iter().map(line).collect()
}

fn filtered(filter: Filter, records: &[Record]) -> Vec<String> {
    story(&selected(&Selection { filter, ..Selection::default() }, records))
}

#[test]
fn all_is_taken_when_nothing_is_asked_for_and_nothing_is_lost() {
    let records = [write(0, 1), read(4, 2), mark("x")];
    assert_eq!(filtered(Filter::default(), &records), ["W0x0/4", "R0x4/4", "MARK x"]);
}

#[test]
fn a_filter_takes_its_part_and_counts_the_rest() {
    let records = [write(0, 1), read(4, 2), write(8, 3), access(Direction::Write, 0xe, &[1; 4])];
    let range = Filter { ranges: [0x10..0x20, 0..4].into(), ..Filter::default() };
    assert_eq!(filtered(range, &records), ["W0x0/4", "W0xe/4", "LOSS 2"]);
    let direction = Filter { direction: Some(Direction::Read), ..Filter::default() };
    assert_eq!(filtered(direction, &records), ["R0x4/4", "LOSS 3"]);
    let sizes = Filter { sizes: vec![1, 2, 8], ..Filter::default() };
    assert_eq!(filtered(sizes, &records), ["LOSS 4"]);
    let threads = Filter { threads: vec![0], ..Filter::default() };
    assert_eq!(filtered(threads, &records).len(), 4);
}

#[test]
fn a_module_is_named_by_path_file_or_stem() {
    let site = |id, module: &str| {
        Record::Site(Site { id, module: Some(module.to_owned()), ..Site::default() })
    };
    let by = |site| Record::Access(Access { site, ..Access::new(Direction::Write, 0, 4) });
    let records = [
        site(0, "/lib/libc.so.6"),
        by(Some(0)),
        site(1, "/usr/bin/python3.11"),
        by(Some(1)),
        by(None),
    ];
    for name in ["libc", "libc.so.6", "/lib/libc.so.6"] {
        let filter = Filter { modules: vec![name.to_owned()], ..Filter::default() };
        assert_eq!(filtered(filter, &records), ["W0x0/4", "LOSS 2"], "{name}");
    }
    let filter = Filter { modules: vec!["python3.11".to_owned()], ..Filter::default() };
    assert_eq!(filtered(filter, &records), ["W0x0/4", "LOSS 2"]);
    let filter = Filter { modules: vec!["lib".to_owned()], ..Filter::default() };
    assert_eq!(filtered(filter, &records), ["LOSS 3"]);
}

#[test]
fn a_system_call_is_taken_by_its_place() {
    let call = Record::Syscall(Syscall {
        seq: 0,
        name: "read".to_owned(),
        window: 0,
        offset: 8,
        length: 8,
        thread: 3,
        time_ns: None,
    });
    let at = |range| Filter { ranges: vec![range], ..Filter::default() };
    assert_eq!(filtered(at(15..16), std::slice::from_ref(&call)), ["SYSCALL read"]);
    assert_eq!(filtered(at(16..17), &[call]), ["LOSS 1"]);
}

fn at(text_or: Result<&str, (Direction, u64, Option<u64>)>) -> Trigger {
    match text_or {
        Ok(text) => Trigger::Mark(text.to_owned()),
        Err((direction, offset, value)) => Trigger::Access { direction, offset, value },
    }
}

#[test]
fn a_trace_starts_and_stops_at_events_that_it_includes() {
    let records = [write(0, 1), mark("go"), write(4, 2), write(0, 3), mark("end"), write(8, 4)];
    let between = |start, stop| {
        let selection = Selection { start, stop, ..Selection::default() };
        story(&selected(&selection, &records))
    };
    let write = |offset, value| Some(at(Err((Direction::Write, offset, value))));
    assert_eq!(
        between(Some(at(Ok("go"))), Some(at(Ok("end")))),
        ["MARK go", "W0x4/4", "W0x0/4", "MARK end", "LOSS 1"]
    );
    assert_eq!(between(write(4, None), write(0, None)), ["W0x4/4", "W0x0/4", "LOSS 1"]);
    assert_eq!(between(write(0, Some(3)), None), ["W0x0/4", "MARK end", "W0x8/4", "LOSS 2"]);
    assert_eq!(between(None, write(0, Some(1))), ["W0x0/4"]);
    // Any byte of an access triggers; with a value only the access as a whole.
    assert_eq!(between(None, write(7, None)), ["W0x0/4", "MARK go", "W0x4/4"]);
    assert_eq!(between(write(7, Some(0)), None), ["LOSS 4"]);
    assert_eq!(between(write(0, Some(1 << 40)), None), ["LOSS 4"]);
}

#[test]
fn a_limit_counts_what_is_recorded_and_then_nothing_more_is_wanted() {
    let filter = Filter { direction: Some(Direction::Write), ..Filter::default() };
    let selection = Selection { filter, limit: Some(2), ..Selection::default() };
    let mut sink = Selected::new(selection, Trace::new(header()));
    for record in [write(0, 1), read(0, 1)] {
        sink.put(&record).expect("memory takes all");
        assert!(sink.wants_more());
    }
    sink.put(&write(4, 2)).expect("memory takes all");
    assert!(!sink.wants_more());
    sink.put(&write(8, 3)).expect("memory takes all");
    assert_eq!(sink.accesses(), 2);
    assert_eq!(story(&sink.finish().0), ["W0x0/4", "W0x4/4", "LOSS 1"]);
}

#[test]
fn of_a_string_instruction_the_part_is_taken_that_is_wanted() {
    let first = Access { data: Some(Data::new(&[7; 4])), ..Access::new(Direction::Write, 0, 4) };
    let repeat = Repeat { first, count: 5, step: 4, bytes: None };
    let record = Record::Repeat(repeat);
    let all = selected(&Selection::default(), std::slice::from_ref(&record));
    assert_eq!(all.accesses().count(), 5);
    let filter = Filter { ranges: vec![4..8, 8..12], ..Filter::default() };
    assert_eq!(filtered(filter, std::slice::from_ref(&record)), ["W0x4/4", "W0x8/4", "LOSS 3"]);
    let selection = Selection { limit: Some(2), ..Selection::default() };
    assert_eq!(story(&selected(&selection, &[record])), ["W0x0/4", "W0x4/4"]);
}

#[test]
fn the_header_says_what_was_asked_for_and_numbers_have_no_gaps() {
    let words = Some("--only writes".to_owned());
    let filter = Filter { direction: Some(Direction::Write), ..Filter::default() };
    let selection = Selection { filter, words: words.clone(), ..Selection::default() };
    let trace = selected(&selection, &[read(0, 1), write(0, 1), mark("x"), write(4, 2)]);
    assert_eq!(trace.header.selection, words);
    let seqs: Vec<u64> = trace
        .events
        .iter()
        .map(|event| match event {
            Event::Access(access) => access.seq,
            Event::Mark(mark) => mark.seq,
            Event::Loss(loss) => loss.seq,
            Event::Syscall(call) => call.seq,
        })
        .collect();
    assert_eq!(seqs, [0, 1, 2, 3]);
    let loss = trace.losses().next().expect("a read was left out");
    assert_eq!(loss.detail, "what was filtered out is not in the trace: --only writes (1 access)");
}
