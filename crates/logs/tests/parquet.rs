//! A trace in Parquet is the same trace, and a file that is none says so.
#![cfg(feature = "parquet")]

use std::fs::File;
use std::io::{Read, Seek, Write};

use busprobe_logs::export::{Format, export};
use busprobe_logs::parquet::{ROWS, Reader, Row, Scan};
use busprobe_trace::{
    Access, Capture, Data, Direction, Frame, Header, Level, Loss, LossKind, Mark, PythonLine,
    Record, Repeat, Site, SourceLine, Syscall, Window,
};
use busprobe_verdict::bus_by_name;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use proptest::prelude::*;

fn written(records: Vec<Record>) -> File {
    let file = tempfile::tempfile().unwrap();
    let bus = bus_by_name("device").unwrap().into();
    export(records, Format::Parquet.exporter(file.try_clone().unwrap(), bus)).unwrap();
    file
}

fn read(file: File) -> Vec<Record> {
    Reader::new(file).unwrap().map(Result::unwrap).collect()
}

fn header() -> Record {
    Record::Trace(Header {
        cpu: Some("max".into()),
        command: vec!["python3".into(), "a b.py".into()],
        selection: Some("--only writes".into()),
        ..Header::new(Level::Bus, Capture::Guest, "aarch64")
    })
}

fn one_of_each() -> Vec<Record> {
    vec![
        header(),
        Record::Window(Window { id: 1, name: "dev".into(), base: Some(u64::MAX), length: 1 }),
        Record::Window(Window { id: 2, name: String::new(), base: None, length: u64::MAX }),
        Record::Site(Site {
            id: u32::MAX,
            pc: u64::MAX,
            module: Some("/lib/libc.so.6".into()),
            build_id: Some("00ff".into()),
            address: Some(0),
            symbol: Some("memcpy".into()),
            symbol_offset: Some(4),
            source: Some(SourceLine { file: "memcpy.S".into(), line: 7 }),
            python: Some(PythonLine {
                file: "a.py".into(),
                line: 1,
                function: "f".into(),
                offset: Some(36),
                instruction: Some("STORE_SUBSCR".into()),
            }),
            text: Some("stp x6, x7, [x0]".into()),
            stack: vec![Frame { pc: 5, symbol: Some("main".into()), ..Frame::default() }],
        }),
        Record::Site(Site { id: 0, pc: 1, ..Site::default() }),
        Record::Mark(Mark { seq: 0, text: "\u{e4}".into(), thread: 3, time_ns: Some(u64::MAX) }),
        Record::Access(Access {
            seq: 1,
            data: Some(Data::new(&[0xff; 64])),
            thread: u32::MAX,
            site: Some(u32::MAX),
            ..Access::new(Direction::Write, u64::MAX, 64)
        }),
        Record::Syscall(Syscall {
            seq: 2,
            name: "preadv".into(),
            window: 1,
            offset: 4,
            length: 64,
            thread: 0,
            time_ns: None,
        }),
        Record::Loss(Loss {
            seq: 3,
            kind: LossKind::NotWatched,
            detail: "a child".into(),
            count: Some(1),
        }),
    ]
}

#[test]
fn a_repeat_is_written_as_its_accesses() {
    let first = Access { data: Some(Data::new(&[7])), ..Access::new(Direction::Write, 8, 1) };
    let repeat = Repeat { first, count: 3, step: -1, bytes: None };
    let records = read(written(vec![header(), Record::Repeat(repeat.clone())]));
    assert_eq!(records[1..], repeat.accesses().map(Record::Access).collect::<Vec<_>>());
}

#[test]
fn every_kind_of_record_comes_back_as_it_was() {
    assert_eq!(read(written(one_of_each())), one_of_each());
}

#[test]
fn a_trace_of_several_groups_comes_back_whole() {
    let access = |seq| Record::Access(Access { seq, ..Access::new(Direction::Read, seq * 4, 4) });
    let records: Vec<Record> =
        std::iter::once(header()).chain((0..ROWS as u64 * 2 + 5).map(access)).collect();
    assert!(read(written(records.clone())) == records);
}

#[test]
fn the_documents_name_every_column() {
    let file = SerializedFileReader::new(written(one_of_each())).unwrap();
    let schema = file.metadata().file_metadata().schema_descr_ptr();
    let documents = include_str!("../../../docs/parquet.md");
    for column in schema.columns() {
        let name = column.name();
        assert!(documents.contains(&format!("`{name}`")), "{name} is not in docs/parquet.md");
    }
}

#[test]
fn what_is_no_trace_is_refused_in_words() {
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", &[b'P'; 1000]] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let error = Reader::new(file).err().unwrap().to_string();
        assert!(error.starts_with("not a Parquet file that can be read"), "{error}");
    }
}

#[test]
fn a_file_cut_off_anywhere_is_refused_and_not_half_read() {
    let mut whole = Vec::new();
    let mut file = written(one_of_each());
    file.rewind().unwrap();
    file.read_to_end(&mut whole).unwrap();
    for cut in 0..whole.len() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&whole[..cut]).unwrap();
        assert!(Reader::new(file).is_err(), "cut at {cut}");
    }
}

/// What a scan gives, each access as a record.
fn scanned(file: File) -> Vec<Record> {
    let mut scan = Scan::new(file).unwrap();
    let mut records = Vec::new();
    while scan
        .next_group(|row| {
            records.push(match row {
                Row::Access(access) => Record::Access(access.clone()),
                Row::Other(record) => record.clone(),
            });
        })
        .unwrap()
    {}
    records
}

/// A record as a scan gives it.
fn lean(record: Record) -> Record {
    match record {
        Record::Access(access) => Record::Access(Access { data: None, time_ns: None, ..access }),
        other => other,
    }
}

#[test]
fn a_scan_gives_the_same_records_without_data_and_times() {
    let lean: Vec<Record> = one_of_each().into_iter().map(lean).collect();
    assert_eq!(scanned(written(one_of_each())), lean);
}

#[test]
fn a_scan_finds_the_losses_before_all_else() {
    let Some(Record::Loss(loss)) = one_of_each().pop() else { panic!("the last is a loss") };
    assert_eq!(Scan::new(written(one_of_each())).unwrap().losses().unwrap(), [loss]);
    assert_eq!(Scan::new(written(vec![header()])).unwrap().losses().unwrap(), []);
}

#[test]
fn a_scan_goes_through_all_groups() {
    let access = |seq| Record::Access(Access { seq, ..Access::new(Direction::Read, seq * 4, 4) });
    let mark = |seq| Record::Mark(Mark { seq, text: "m".into(), thread: 0, time_ns: None });
    let record = |seq| if seq % 50_000 == 7 { mark(seq) } else { access(seq) };
    let records: Vec<Record> =
        std::iter::once(header()).chain((0..ROWS as u64 * 2 + 5).map(record)).collect();
    assert!(scanned(written(records.clone())) == records);
}

fn access() -> impl Strategy<Value = Access> {
    let rest = any::<(u64, u64, u32, Option<u64>, bool, Option<Vec<u8>>)>();
    (rest, 1..=64_u32).prop_map(|((seq, offset, thread, time_ns, reads, data), size)| {
        let data = data.map(|mut bytes| {
            bytes.resize(size as usize, 0);
            Data::new(&bytes)
        });
        let direction = if reads { Direction::Read } else { Direction::Write };
        Access { seq, data, thread, time_ns, ..Access::new(direction, offset, size) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_access_comes_back_as_it_was(accesses in prop::collection::vec(access(), 0..50)) {
        let records: Vec<Record> =
            std::iter::once(header()).chain(accesses.into_iter().map(Record::Access)).collect();
        prop_assert_eq!(read(written(records.clone())), records);
    }

    #[test]
    fn a_scan_sees_every_access_and_what_lies_between(
        accesses in prop::collection::vec((access(), any::<Option<u8>>()), 0..50),
        sites: bool,
    ) {
        let mut records = one_of_each();
        for (access, other) in accesses {
            let site = (sites && access.seq % 2 == 0).then_some(0);
            records.push(Record::Access(Access { site, ..access }));
            records.extend(other.map(|other| one_of_each()[1 + other as usize % 8].clone()));
        }
        let expected: Vec<Record> = records.iter().cloned().map(lean).collect();
        prop_assert_eq!(scanned(written(records)), expected);
    }
}
