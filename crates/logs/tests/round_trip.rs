//! What is exported as a waveform comes back as the beats that it shows.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use busprobe_logs::export::{Format, export};
use busprobe_logs::import::waveform::{self, Options, read_fst, read_vcd};
use busprobe_trace::{
    Access, Capture, Data, Direction, Event, Header, Level, Mark, Record, Site, Trace, Window,
};
use busprobe_verdict::{Beat, bus_by_name, lower};
use proptest::prelude::*;

const BASE: u64 = 0xa00_0000;

/// Exports a trace and imports what came of it.
fn there_and_back(records: &[Record], format: Format, bus: &str, options: &Options<'_>) -> Trace {
    let mut file = tempfile::tempfile().unwrap();
    let exporter = format.exporter(file.try_clone().unwrap(), bus_by_name(bus).unwrap().into());
    export(records.iter().cloned(), exporter).unwrap();
    file.rewind().unwrap();
    let mut beginning = [0; 16];
    file.read_exact(&mut beginning).unwrap();
    let found = waveform::Format::of_beginning(&beginning).unwrap();
    assert_eq!(found.name(), format.name());
    file.rewind().unwrap();
    import(file, found, options)
}

fn import(file: File, format: waveform::Format, options: &Options<'_>) -> Trace {
    let mut trace = Trace::new(Header::new(Level::Instruction, Capture::Lab, ""));
    let file = BufReader::new(file);
    match format {
        waveform::Format::Vcd => read_vcd(file, options, &mut trace),
        waveform::Format::Fst => read_fst(file, options, &mut trace),
    }
    .unwrap();
    trace
}

fn begun() -> Vec<Record> {
    let window = |id, base| Window { id, name: "mem".into(), base: Some(base), length: 4096 };
    vec![
        Record::Trace(Header::new(Level::Instruction, Capture::Native, "aarch64")),
        Record::Window(window(0, BASE)),
        Record::Window(window(1, 0)),
        Record::Site(Site { id: 0, pc: 0x1000, ..Site::default() }),
        Record::Site(Site { id: 1, pc: u64::MAX, ..Site::default() }),
    ]
}

/// The beats of accesses, as the importer gives them.
fn beats(accesses: &[Access], bus: &str) -> Vec<Access> {
    let bus = bus_by_name(bus).unwrap();
    let mut all = Vec::new();
    for access in accesses {
        let base = if access.window == 0 { BASE } else { 0 };
        let place = |beat: Beat| Access {
            data: beat.data,
            offset: base + beat.offset,
            size: beat.size,
            ..access.clone()
        };
        all.extend(lower(bus.as_ref(), [access]).into_iter().map(place));
    }
    all.into_iter().zip(0..).map(|(access, seq)| Access { seq, ..access }).collect()
}

/// What a site's number cannot say: that is the trace's own affair.
fn with_pcs(trace: &Trace, accesses: impl Iterator<Item = Access>) -> Vec<(Access, Option<u64>)> {
    accesses
        .map(|access| {
            let pc = access.site.map(|id| trace.site(id).unwrap().pc);
            (Access { site: None, time_ns: None, ..access }, pc)
        })
        .collect()
}

#[test]
fn marks_come_back_as_the_number_of_the_operation() {
    let mark =
        |seq, text: &str| Record::Mark(Mark { seq, text: text.into(), thread: 0, time_ns: None });
    let access = |seq| Record::Access(Access { seq, ..Access::new(Direction::Write, 0, 4) });
    let mut records = begun();
    records.extend([access(0), mark(1, "a block"), access(2), access(3), mark(4, "b"), access(5)]);
    for format in [Format::Vcd, Format::Fst] {
        let trace = there_and_back(&records, format, "axi4-lite-32", &Options::default());
        let events: Vec<&str> = trace
            .events
            .iter()
            .map(|event| match event {
                Event::Mark(mark) => &*mark.text,
                Event::Access(_) => "access",
                _ => "other",
            })
            .collect();
        assert_eq!(events, ["access", "operation 1", "access", "access", "operation 2", "access"]);
        assert_eq!((trace.header.level, trace.header.capture), (Level::Bus, Capture::Import));
    }
}

#[test]
fn a_range_keeps_what_begins_in_it() {
    let access = |offset| Record::Access(Access::new(Direction::Write, offset, 4));
    let mut records = begun();
    records.extend([0, 4, 8, 12].map(access));
    let options = Options { only: Some(BASE + 4..=BASE + 11), ..Options::default() };
    for format in [Format::Vcd, Format::Fst] {
        let trace = there_and_back(&records, format, "axi4-lite-32", &options);
        let offsets: Vec<u64> = trace.accesses().map(|access| access.offset).collect();
        assert_eq!(offsets, [0, 4]);
        assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(BASE + 4), 8));
    }
}

#[test]
fn times_come_back_as_they_were_where_beats_have_room() {
    let access = |seq: u64| {
        let time_ns = Some(1000 + 7 * seq);
        Record::Access(Access { seq, time_ns, ..Access::new(Direction::Read, 4 * seq, 4) })
    };
    let mut records = begun();
    records.extend((0..20).map(access));
    for format in [Format::Vcd, Format::Fst] {
        let trace = there_and_back(&records, format, "axi4-lite-32", &Options::default());
        let times: Vec<u64> = trace.accesses().map(|access| access.time_ns.unwrap()).collect();
        assert_eq!(times, (0..20).map(|seq| 1000 + 7 * seq).collect::<Vec<_>>());
    }
}

fn access() -> impl Strategy<Value = Access> {
    let place = (any::<bool>(), 0..2_u32, 0..4000_u64, 1..=64_u32);
    let rest = (any::<u32>(), prop::option::of(0..2_u32), any::<bool>(), any::<u64>());
    (place, rest).prop_map(|((reads, window, offset, size), (thread, site, is_known, seed))| {
        Access {
            window,
            thread,
            site,
            data: is_known.then(|| Data::new(&[seed.to_le_bytes(); 8].concat()[..size as usize])),
            ..Access::new(if reads { Direction::Read } else { Direction::Write }, offset, size)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_beats_of_a_waveform_come_back_as_accesses(
        accesses in prop::collection::vec(access(), 0..30),
        bus in prop::sample::select(vec!["axi4-lite-32", "axi4-lite-64", "device"]),
        format in prop::sample::select(vec![Format::Vcd, Format::Fst]),
    ) {
        let mut records = begun();
        records.extend(accesses.iter().cloned().map(Record::Access));
        let back = there_and_back(&records, format, bus, &Options::default());
        let mut whole = Trace::new(Header::new(Level::Bus, Capture::Import, ""));
        for record in records {
            whole.push(record);
        }
        prop_assert_eq!(
            with_pcs(&back, back.accesses().cloned()),
            with_pcs(&whole, beats(&accesses, bus).into_iter())
        );
        prop_assert_eq!(back.losses().count(), 0);
    }
}
