//! What goes out is what the trace has, as the tools that read it see it.

use std::io::{self, Cursor, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

use busprobe_logs::export::{Format, Stream, export};
use busprobe_trace::{
    Access, Capture, Data, Direction, Header, Level, Loss, LossKind, Mark, Record, Repeat, Site,
    Window, jsonl,
};
use busprobe_verdict::bus_by_name;
use proptest::prelude::*;
use wellen::{Hierarchy, SignalRef, simple};

/// A file that can be looked at after the exporter has gone.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Cursor<Vec<u8>>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.lock().unwrap().seek(to)
    }
}

fn exported(records: Vec<Record>, format: Format, bus: &str) -> Vec<u8> {
    let file = Shared::default();
    export(records, format.exporter(file.clone(), bus_by_name(bus).unwrap().into())).unwrap();
    file.0.lock().unwrap().get_ref().clone()
}

fn exported_text(format: Format) -> String {
    String::from_utf8(exported(sample(), format, "axi4-lite-32")).unwrap()
}

fn write(seq: u64, offset: u64, bytes: &[u8]) -> Access {
    Access {
        seq,
        data: Some(Data::new(bytes)),
        ..Access::new(Direction::Write, offset, bytes.len() as u32)
    }
}

fn begun() -> Vec<Record> {
    let window = Window { id: 0, name: "mem".into(), base: Some(0xa00_0000), length: 4096 };
    vec![
        Record::Trace(Header::new(Level::Instruction, Capture::Native, "aarch64")),
        Record::Window(window),
    ]
}

fn sample() -> Vec<Record> {
    let site = Site {
        id: 0,
        pc: 0x7f00_1000,
        module: Some("/lib/libc.so.6".into()),
        symbol: Some("memcpy".into()),
        symbol_offset: Some(0x58),
        text: Some("str x6, [x0]".into()),
        ..Site::default()
    };
    let mark = Mark { seq: 0, text: "a \"block\"".into(), thread: 7, time_ns: None };
    let store = Access { site: Some(0), thread: 7, ..write(1, 0x10, &[0, 1, 2, 3, 4, 5, 6, 7]) };
    let load = Access { seq: 2, ..Access::new(Direction::Read, 0x21, 1) };
    let loss =
        Loss { seq: 3, kind: LossKind::Missed, detail: "3 were missed".into(), count: Some(3) };
    let mut records = begun();
    records.extend([
        Record::Site(site),
        Record::Mark(mark),
        Record::Access(store),
        Record::Access(load),
        Record::Loss(loss),
    ]);
    records
}

#[test]
fn text_is_the_traces_own() {
    assert_eq!(
        exported_text(Format::Text),
        "MARK a \"block\"\n\
         W addr 0x10 data 0x706050403020100 size 8   libc.so.6 memcpy+0x58   str x6, [x0]\n\
         R addr 0x21 data ? size 1\n\
         LOSS 3 were missed\n"
    );
}

#[test]
fn json_lines_are_the_trace_again() {
    let trace = jsonl::read(exported_text(Format::Jsonl).as_bytes()).unwrap();
    assert_eq!(trace.records().collect::<Vec<_>>(), sample());
}

#[test]
fn csv_has_a_row_for_each_event_with_its_site() {
    assert_eq!(
        exported_text(Format::Csv),
        "seq,kind,window,offset,address,size,data,thread,time_ns,\
         pc,module,symbol,symbol_offset,source,python,text\n\
         0,mark,,,,,,7,,,,,,,,\"a \"\"block\"\"\"\n\
         1,W,0,0x10,0xa000010,8,0x0706050403020100,7,,\
         0x7f001000,/lib/libc.so.6,memcpy,0x58,,,\"str x6, [x0]\"\n\
         2,R,0,0x21,0xa000021,1,,0,,,,,,,,\n\
         3,loss,,,,,,0,,,,,,,,3 were missed\n"
    );
}

#[test]
fn a_function_without_an_address_has_none_in_a_row() {
    let site = Site { id: 0, symbol: Some("readl".into()), ..Site::default() };
    let access = Access { site: Some(0), ..Access::new(Direction::Read, 0, 4) };
    let mut records = begun();
    records.extend([Record::Site(site), Record::Access(access)]);
    let csv = String::from_utf8(exported(records, Format::Csv, "axi4-lite-32")).unwrap();
    assert!(csv.ends_with("0,R,0,0x0,0xa000000,4,,0,,,,readl,,,,\n"), "{csv}");
}

#[test]
fn perfetto_gets_json_with_a_slice_for_each_access() {
    let json: serde_json::Value = serde_json::from_str(&exported_text(Format::Perfetto)).unwrap();
    let events = json["traceEvents"].as_array().unwrap();
    let names: Vec<_> = events.iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["process_name", "a \"block\"", "W 0x10", "R 0x21", "LOSS 3 were missed"]);
    assert_eq!(events[2]["args"]["site"], "libc.so.6 memcpy+0x58   str x6, [x0]");
    assert_eq!((&events[3]["ts"], &events[3]["dur"]), (&2.into(), &1.into()));
}

#[test]
fn a_repeat_goes_out_as_the_accesses_that_it_stands_for() {
    let first = Access { seq: 3, ..Access::new(Direction::Write, 0x20, 4) };
    let bytes = Some((0..12).collect());
    let repeat = Record::Repeat(Repeat { first, count: 3, step: -4, bytes });
    let Record::Repeat(known) = &repeat else { unreachable!() };
    let expanded: Vec<Record> = known.accesses().map(Record::Access).collect();
    let window = || sample().into_iter().take_while(|r| !matches!(r, Record::Mark(_)));
    for format in Format::ALL {
        if matches!(format, Format::Text | Format::Jsonl) {
            continue;
        }
        let of = |records: &[Record]| {
            exported(window().chain(records.iter().cloned()).collect(), *format, "axi4-lite-32")
        };
        assert!(of(std::slice::from_ref(&repeat)) == of(&expanded), "{format}");
    }
}

#[test]
fn an_empty_trace_is_a_file_that_can_be_read() {
    for format in Format::ALL {
        let file = exported(Vec::new(), *format, "axi4-lite-32");
        match format {
            Format::Vcd | Format::Fst => assert_eq!(pulses(file), []),
            Format::Perfetto => {
                let json: serde_json::Value = serde_json::from_slice(&file).unwrap();
                assert_eq!(json["traceEvents"].as_array().unwrap().len(), 0);
            }
            Format::Text | Format::Jsonl | Format::Csv => assert_eq!(file, b""),
            #[cfg(feature = "parquet")]
            Format::Parquet => assert!(file.starts_with(b"PAR1")),
        }
    }
}

#[test]
fn what_does_not_go_back_can_be_a_stream() {
    for format in Format::ALL.iter().filter(|format| !format.goes_back()) {
        let out = Stream(Vec::new());
        export(sample(), format.exporter(out, bus_by_name("device").unwrap().into())).unwrap();
    }
}

/// One pulse of `valid`, as a viewer of waveforms shows it.
#[derive(Debug, PartialEq, Eq)]
struct Pulse {
    time: u64,
    op: String,
    address: String,
    data: String,
    strobe: String,
    operation: String,
}

fn signal(hierarchy: &Hierarchy, name: &str) -> SignalRef {
    let variable = hierarchy.lookup_var(&["busprobe"], name).unwrap();
    hierarchy[variable].signal_ref()
}

/// Reads a waveform of either format with wellen.
fn pulses(file: Vec<u8>) -> Vec<Pulse> {
    let mut wave = simple::read_from_reader(Cursor::new(file)).unwrap();
    let names = ["valid", "op", "address", "data", "strobe", "operation"];
    let ids = names.map(|name| signal(wave.hierarchy(), name));
    wave.load_signals(&ids);
    let signals = ids.map(|id| wave.get_signal(id).unwrap());
    let at = |index: usize, time: u32| {
        let offset = signals[index].get_offset(time).unwrap();
        signals[index].get_value_at(&offset, 0).to_bit_string().unwrap()
    };
    (0..wave.time_table().len() as u32)
        .filter(|&time| at(0, time) == "1")
        .map(|time| Pulse {
            time: wave.time_table()[time as usize],
            op: at(1, time),
            address: at(2, time),
            data: at(3, time),
            strobe: at(4, time),
            operation: at(5, time),
        })
        .collect()
}

#[test]
fn a_waveform_has_a_pulse_for_each_beat() {
    for format in [Format::Vcd, Format::Fst] {
        let pulses = pulses(exported(sample(), format, "axi4-lite-32"));
        let times: Vec<u64> = pulses.iter().map(|pulse| pulse.time).collect();
        assert_eq!(times, [10, 20, 30], "{format}");
        let address = format!("{:064b}", 0xa00_0014);
        assert_eq!(pulses[1].address, address);
        assert_eq!(pulses[1].op, format!("{:08b}", b'W'));
        assert_eq!(pulses[1].data, format!("{:032b}", 0x0706_0504));
        assert_eq!(pulses[1].strobe, "1111");
        assert_eq!(pulses[2].op, format!("{:08b}", b'R'));
        assert_eq!((&*pulses[2].data, &*pulses[2].strobe), (&*"x".repeat(32), "0010"));
        assert_eq!(pulses[2].operation, format!("{:032b}", 1));
    }
}

#[test]
fn identical_beats_at_one_time_are_pulses_of_their_own() {
    for format in [Format::Vcd, Format::Fst] {
        let mut records = begun();
        let twice = |seq| Access { time_ns: Some(1000), ..write(seq, 0, &[1, 0, 0, 0]) };
        records.extend([0, 1].map(|seq| Record::Access(twice(seq))));
        let pulses = pulses(exported(records, format, "axi4-lite-32"));
        assert_eq!((pulses[0].time, pulses[1].time), (1000, 1002), "{format}");
    }
}

#[test]
fn the_bus_decides_the_beats_of_a_waveform() {
    for (bus, count, bits) in [("axi4-lite-32", 3, 32), ("axi4-lite-64", 2, 64), ("device", 2, 512)]
    {
        let pulses = pulses(exported(sample(), Format::Vcd, bus));
        assert_eq!((pulses.len(), pulses[0].data.len()), (count, bits), "{bus}");
    }
}

#[test]
fn a_store_that_a_load_brings_out_is_still_a_store() {
    let mut records = begun();
    let load = Access { seq: 1, ..Access::new(Direction::Read, 0x40, 4) };
    records.extend([write(0, 0, &[1, 0, 0, 0]), load].map(Record::Access));
    let pulses = pulses(exported(records, Format::Vcd, "wc-x86"));
    let ops: Vec<&str> = pulses.iter().map(|pulse| &*pulse.op).collect();
    assert_eq!(ops, [format!("{:08b}", b'W'), format!("{:08b}", b'R')]);
}

proptest! {
    #[test]
    fn both_waveforms_show_the_same(
        accesses in prop::collection::vec((0..64_u64, 1..=64_usize, prop::option::of(0..2000_u64)), 0..30)
    ) {
        let mut records = begun();
        records.extend(accesses.into_iter().zip(0..).map(|((offset, size, time_ns), seq)| {
            Record::Access(Access { time_ns, ..write(seq, offset, &vec![seq as u8; size]) })
        }));
        for bus in ["axi4-lite-32", "axi4-lite-64", "device"] {
            let vcd = pulses(exported(records.clone(), Format::Vcd, bus));
            prop_assert_eq!(&vcd, &pulses(exported(records.clone(), Format::Fst, bus)));
            prop_assert!(vcd.is_sorted_by_key(|pulse| pulse.time));
        }
    }
}
