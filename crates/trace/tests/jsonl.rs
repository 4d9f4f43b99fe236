//! A trace survives the way to a file and back, and a damaged file says where.

use busprobe_trace::{
    Access, Capture, Data, Direction, Event, Frame, Header, Level, Loss, LossKind, Mark,
    PythonLine, Record, Repeat, Sink, Site, SourceLine, Syscall, Trace, Window, jsonl, text,
};
use proptest::prelude::*;

fn header() -> Header {
    let command = vec!["python3".to_owned(), "x.py".to_owned()];
    Header { command, ..Header::new(Level::Instruction, Capture::Native, "x86_64") }
}

fn sample() -> Trace {
    let mut trace = Trace::new(header());
    trace.windows.push(Window { id: 0, name: "file:win".into(), base: None, length: 4096 });
    trace.sites.push(Site {
        id: 0,
        pc: 0x7f00_1000,
        module: Some("/lib/libc.so.6".into()),
        symbol: Some("memcpy".into()),
        symbol_offset: Some(0x58),
        text: Some("mov [rdi], eax".into()),
        ..Site::default()
    });
    let store = Access {
        data: Some(Data::new(&[0, 1, 2, 3])),
        site: Some(0),
        thread: 812,
        ..Access::new(Direction::Write, 0, 4)
    };
    trace.events.push(Event::Access(store));
    trace.events.push(Event::Access(Access { seq: 1, ..Access::new(Direction::Read, 8, 16) }));
    trace
}

fn file(trace: &Trace) -> String {
    let mut out = Vec::new();
    jsonl::write(trace, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_access_is_one_line_as_documented() {
    let lines = file(&sample());
    assert_eq!(
        lines.lines().nth(3).unwrap(),
        r#"{"t":"access","seq":0,"dir":"W","window":0,"offset":0,"size":4,"data":"0x03020100","thread":812,"site":0}"#
    );
}

#[test]
fn a_file_cut_off_anywhere_is_readable_up_to_the_cut() {
    let whole = file(&sample());
    let first_line = whole.find('\n').unwrap() + 1;
    for cut in first_line..whole.len() {
        let trace = jsonl::read(&whole.as_bytes()[..cut]).unwrap();
        let lines_kept = whole[..cut].lines().count();
        let is_cut = trace.losses().any(|loss| loss.kind == LossKind::CutOff);
        let at_a_line_end = whole[..cut].ends_with('\n') || whole[cut..].starts_with('\n');
        assert_eq!(is_cut, !at_a_line_end, "cut at {cut}");
        let records = trace.records().count();
        assert_eq!(records, lines_kept, "cut at {cut}");
    }
}

#[test]
fn a_foreign_file_is_refused_in_one_line() {
    for foreign in
        ["", "\n", "hello\n", "{}\n", "{\"t\":\"mark\",\"seq\":0,\"text\":\"x\"}\n", "\u{0}\u{1}"]
    {
        let error = jsonl::read(foreign.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 1: not a busprobe trace"), "{foreign:?}: {error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn a_later_format_is_refused_by_its_version() {
    let later = file(&sample()).replace("\"version\":1", "\"version\":2");
    let error = jsonl::read(later.as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "line 1: format version 2, and this busprobe reads up to 1");
}

#[test]
fn a_bad_line_is_named_and_what_came_before_can_be_kept() {
    let broken = file(&sample()).replace("\"0x03020100\"", "\"3020100\"");
    let mut reader = jsonl::Reader::new(broken.as_bytes());
    let kept = reader.by_ref().take_while(Result::is_ok).count();
    assert_eq!(kept, 3);
    let error = jsonl::read(broken.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("line 4: invalid value: string \"3020100\""), "{error}");
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let endless = std::io::Read::chain(
        file(&sample()).lines().next().map(|l| format!("{l}\n")).unwrap().into_bytes().leak()
            as &[u8],
        std::io::repeat(b'x'),
    );
    let error = jsonl::read(std::io::BufReader::new(endless)).unwrap_err().to_string();
    assert!(error.starts_with("line 2: no record is longer than"), "{error}");
}

#[test]
fn what_was_not_seen_is_found_without_reading_the_rest() {
    let mut trace = sample();
    for detail in ["3 records lost", "a \"loss\"\n"] {
        let (seq, kind, detail) = (2, LossKind::Missed, detail.to_owned());
        trace.events.push(Event::Loss(Loss { seq, kind, detail, count: None }));
        trace.events.push(Event::Mark(Mark {
            seq: 3,
            text: "\"loss\"".into(),
            thread: 0,
            time_ns: None,
        }));
    }
    let whole = file(&trace);
    let first_line = whole.find('\n').unwrap() + 1;
    for cut in first_line..=whole.len() {
        let part = &whole.as_bytes()[..cut];
        let read = jsonl::read(part).unwrap();
        let losses: Vec<&str> = read.losses().map(|loss| loss.detail.as_str()).collect();
        assert_eq!(jsonl::unseen(part), losses, "cut at {cut}");
    }
    let damaged = whole.replace("\"t\":\"access\"", "\"t\":\"excess\"");
    assert_eq!(jsonl::unseen(damaged.as_bytes()).len(), 2);
}

#[test]
fn text_reads_like_a_bus_log() {
    let mut out = Vec::new();
    let mut writer = text::Writer::new(&mut out);
    sample().records().for_each(|record| writer.put(&record).unwrap());
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "W addr 0x0 data 0x3020100 size 4   libc.so.6 memcpy+0x58   mov [rdi], eax\n\
         R addr 0x8 data ? size 16\n"
    );
}

#[test]
fn a_python_line_and_callers_are_kept_and_the_text_names_the_line() {
    let python = PythonLine {
        file: "/home/me/seed.py".into(),
        line: 12,
        function: "main.<locals>.poke".into(),
        offset: Some(36),
        instruction: Some("STORE_SUBSCR".into()),
    };
    let source = SourceLine { file: "../sysdeps/memcpy.S".into(), line: 7 };
    let site = Site {
        source: Some(source.clone()),
        python: Some(python.clone()),
        stack: vec![Frame {
            pc: 0x40_0100,
            symbol: Some("main".into()),
            symbol_offset: Some(0x20),
            source: Some(source),
            ..Frame::default()
        }],
        ..sample().sites.remove(0)
    };
    assert_eq!(
        site.to_string(),
        "libc.so.6 memcpy+0x58   mov [rdi], eax   memcpy.S:7   seed.py:12"
    );

    let trace = Trace { sites: vec![site], ..sample() };
    let lines = file(&trace);
    assert_eq!(
        lines.lines().nth(2).unwrap(),
        r#"{"t":"site","id":0,"pc":2130710528,"module":"/lib/libc.so.6","symbol":"memcpy","symbol_offset":88,"source":{"file":"../sysdeps/memcpy.S","line":7},"python":{"file":"/home/me/seed.py","line":12,"function":"main.<locals>.poke","offset":36,"instruction":"STORE_SUBSCR"},"text":"mov [rdi], eax","stack":[{"pc":4194560,"symbol":"main","symbol_offset":32,"source":{"file":"../sysdeps/memcpy.S","line":7}}]}"#
    );
    assert_eq!(jsonl::read(lines.as_bytes()).unwrap(), trace);
}

#[test]
fn an_access_that_no_instruction_makes_is_refused() {
    for (from, to, what) in [
        ("\"size\":16", "\"size\":0", "1 to 64 bytes"),
        ("\"size\":16", "\"size\":65", "1 to 64 bytes"),
        ("\"size\":4", "\"size\":8", "4 bytes of data for an access of 8"),
    ] {
        let error = jsonl::read(file(&sample()).replace(from, to).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

/// Three 16-bit stores from 0x10 down.
fn descending() -> Repeat {
    let first = Access { thread: 7, ..Access::new(Direction::Write, 0x10, 2) };
    Repeat { first, count: 3, step: -2, bytes: Some(vec![1, 2, 3, 4, 5, 6]) }
}

fn with(record: &Record) -> String {
    let mut out = file(&Trace::new(header())).into_bytes();
    jsonl::Writer::new(&mut out).put(record).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_repeat_is_one_line_and_many_accesses() {
    let file = with(&Record::Repeat(descending()));
    let line = r#"{"t":"repeat","seq":0,"dir":"W","window":0,"offset":16,"size":2,"thread":7,"count":3,"step":-2,"bytes":"010203040506"}"#;
    assert_eq!(file.lines().nth(1), Some(line));
    let trace = jsonl::read(file.as_bytes()).unwrap();
    let found: Vec<_> = trace.accesses().map(|a| (a.seq, a.offset, a.size, a.data)).collect();
    let data = |low, high| Some(Data::new(&[low, high]));
    let expected = [(0, 16, 2, data(5, 6)), (1, 14, 2, data(3, 4)), (2, 12, 2, data(1, 2))];
    assert_eq!(found, expected);
}

#[test]
fn text_of_a_repeat_is_one_line() {
    let text = |repeat: Repeat| {
        let mut out = Vec::new();
        text::Writer::new(&mut out).put(&Record::Repeat(repeat)).unwrap();
        String::from_utf8(out).unwrap()
    };
    let fill = Repeat { count: 16384, step: 2, bytes: None, ..descending() };
    let zero = Access { data: Some(Data::new(&[0, 0])), ..fill.first.clone() };
    assert_eq!(text(fill.clone()), "W addr 0x10 data ? size 2 count 16384\n");
    assert_eq!(text(Repeat { first: zero, ..fill }), "W addr 0x10 data 0x0 size 2 count 16384\n");
    assert_eq!(text(descending()), "W addr 0x10 data 0x605,0x403,0x201 size 2 count 3 step -2\n");
}

#[test]
fn a_repeat_that_no_instruction_makes_is_refused() {
    let line = with(&Record::Repeat(descending()));
    for (from, to, what) in [
        ("\"count\":3", "\"count\":0", "1 to 65536 accesses, not 0"),
        ("\"count\":3", "\"count\":65537", "1 to 65536 accesses, not 65537"),
        ("\"count\":3", "\"count\":4", "6 bytes of data for 8"),
        ("\"step\":-2", "\"step\":4", "cannot lie 4 apart"),
        ("\"offset\":16", "\"offset\":2", "leave the window"),
        ("\"size\":2", "\"size\":2,\"data\":\"0x0000\"", "not both"),
        ("0102", "01x2", "two hexadecimal digits"),
        ("0102", "102", "two hexadecimal digits"),
    ] {
        assert!(line.contains(from));
        let error = jsonl::read(line.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("line 2: ") && error.contains(what), "{error}");
    }
}

#[test]
fn the_longest_repeat_can_be_read_again() {
    let first = Access::new(Direction::Read, 0, 8);
    let bytes = Some((0..8 * Repeat::MAX).map(|byte| byte as u8).collect());
    let longest = Repeat { first, count: Repeat::MAX, step: 8, bytes };
    let records: Vec<Record> =
        jsonl::Reader::new(with(&Record::Repeat(longest.clone())).as_bytes())
            .map(Result::unwrap)
            .collect();
    assert_eq!(records[1], Record::Repeat(longest));
}

fn data(size: u32) -> impl Strategy<Value = Data> {
    let size = size as usize;
    prop::collection::vec(any::<u8>(), size..=size).prop_map(|bytes| Data::new(&bytes))
}

fn access() -> impl Strategy<Value = Access> {
    let direction = prop_oneof![Just(Direction::Read), Just(Direction::Write)];
    let rest = any::<(u64, u32, Option<u64>, Option<u32>)>();
    (direction, rest, 1..=Data::MAX as u32)
        .prop_flat_map(|(direction, rest, size)| {
            (Just((direction, rest, size)), prop::option::of(data(size)))
        })
        .prop_map(|((direction, (offset, thread, time_ns, site), size), data)| Access {
            data,
            thread,
            time_ns,
            site,
            ..Access::new(direction, offset, size)
        })
}

fn event() -> impl Strategy<Value = Event> {
    let text = "\\PC*";
    prop_oneof![
        access().prop_map(Event::Access),
        (any::<(u64, u64)>(), text).prop_map(|((offset, length), name)| Event::Syscall(Syscall {
            seq: 1,
            name,
            window: 0,
            offset,
            length,
            thread: 7,
            time_ns: None,
        })),
        text.prop_map(|text| Event::Mark(Mark { seq: 2, text, thread: 0, time_ns: Some(3) })),
        text.prop_map(|detail| Event::Loss(Loss {
            seq: 3,
            kind: LossKind::Missed,
            detail,
            count: Some(4),
        })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(events in prop::collection::vec(event(), 0..20)) {
        let trace = Trace { events, ..Trace::new(header()) };
        prop_assert_eq!(jsonl::read(file(&trace).as_bytes()).unwrap(), trace);
    }

    #[test]
    fn a_repeat_comes_back_as_it_was(
        access in access(),
        count in 1..40_u32,
        descends: bool,
        known in prop::option::of(any::<u8>()),
    ) {
        let size = access.size;
        let offset = access.offset.clamp(40 * 64, u64::MAX / 2);
        let step = if descends { -i64::from(size) } else { size.into() };
        let bytes = known.filter(|_| access.data.is_none()).map(|first| {
            (0..size * count).map(|place| first.wrapping_add(place as u8)).collect()
        });
        let repeat = Repeat { first: Access { offset, ..access }, count, step, bytes };
        prop_assert_eq!(repeat.validate(), Ok(()));
        let file = with(&Record::Repeat(repeat.clone()));
        let records: Vec<_> = jsonl::Reader::new(file.as_bytes()).map(Result::unwrap).collect();
        prop_assert_eq!(&records[1], &Record::Repeat(repeat.clone()));
        let first_to_last: Vec<_> = repeat.accesses().map(|access| access.offset).collect();
        let is_step = |pair: &[u64]| pair[1].wrapping_sub(pair[0]) as i64 == step;
        prop_assert!(first_to_last.windows(2).all(is_step));
        prop_assert!(repeat.accesses().all(|access| access.validate().is_ok()));
    }

    #[test]
    fn an_access_is_written_as_serde_writes_it(
        access in access(),
        (seq, window) in (any::<u64>(), any::<u32>()),
        digits in 0..64_u32,
    ) {
        let access = Access { seq: seq >> digits, window: window >> (digits / 2), ..access };
        let trace = Trace { events: vec![Event::Access(access.clone())], ..Trace::new(header()) };
        let line = serde_json::to_string(&Record::Access(access)).unwrap();
        let file = file(&trace);
        prop_assert_eq!(file.lines().last().unwrap(), line);
    }

    #[test]
    fn no_input_makes_the_reader_panic(junk in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut input = file(&sample()).into_bytes();
        input.extend(junk);
        let _ = jsonl::Reader::new(input.as_slice()).collect::<Vec<Result<Record, _>>>();
    }

    #[test]
    fn data_is_its_little_endian_value(value: u64) {
        let data = Data::new(&value.to_le_bytes());
        prop_assert_eq!(data.to_string(), format!("{value:#018x}"));
        prop_assert_eq!(format!("{data:#}"), format!("{value:#x}"));
    }
}
