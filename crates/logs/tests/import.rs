//! Every format becomes the trace that is written beside it, and no log, however bad, does harm.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use busprobe_logs::import::{Format, Import, ImportError, Options, Range, Summary};
use busprobe_trace::{Access, Data, Direction, LossKind, Record, Sink, jsonl};
use proptest::prelude::*;

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    logs.sort();
    logs
}

struct Imported {
    format: Format,
    records: Vec<Record>,
    errors: Vec<ImportError>,
    summary: Summary,
}

impl Imported {
    fn accesses(&self) -> Vec<&Access> {
        let records = self.records.iter();
        records
            .filter_map(|record| match record {
                Record::Access(access) => Some(access),
                _ => None,
            })
            .collect()
    }

    fn losses(&self) -> Vec<(LossKind, &str)> {
        let records = self.records.iter();
        records
            .filter_map(|record| match record {
                Record::Loss(loss) => Some((loss.kind, loss.detail.as_str())),
                _ => None,
            })
            .collect()
    }

    fn text(&self) -> String {
        let mut out = Vec::new();
        let mut writer = jsonl::Writer::new(&mut out);
        self.records.iter().for_each(|record| writer.put(record).unwrap());
        String::from_utf8(out).unwrap()
    }
}

fn import_with(log: &[u8], options: &Options) -> Result<Imported, ImportError> {
    let mut import = Import::new(log, options)?;
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for record in import.by_ref() {
        match record {
            Ok(record) => records.push(record),
            Err(error) => errors.push(error),
        }
    }
    let summary = import.summary();
    Ok(Imported { format: import.format(), records, errors, summary })
}

fn import(log: &str) -> Imported {
    import_with(log.as_bytes(), &Options::default()).unwrap()
}

#[test]
fn a_write_to_the_mark_is_no_access() {
    let log = "\
memory_region_ops_write cpu 0 mr 0x1 addr 0xa003ff0 value 0xffff size 4 name 'dev'
memory_region_ops_write cpu 0 mr 0x1 addr 0xa000000 value 0x1 size 4 name 'dev'
memory_region_ops_read cpu 0 mr 0x1 addr 0xa003ff0 value 0x0 size 4 name 'dev'
";
    let options = Options { mark: Some(0x0a00_3ff0), ..Options::default() };
    let imported = import_with(log.as_bytes(), &options).unwrap();
    let marks: Vec<_> = imported
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Mark(mark) => Some((mark.seq, mark.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(marks, [(0, "0xffff")]);
    let accesses: Vec<_> = imported.accesses().iter().map(|a| (a.seq, a.direction)).collect();
    assert_eq!(accesses, [(1, Direction::Write), (2, Direction::Read)]);
}

#[test]
fn every_sample_becomes_the_trace_beside_it() {
    for path in samples() {
        let imported = import(&fs::read_to_string(&path).unwrap());
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(
            name.starts_with(imported.format.name()),
            "{name} was taken for {}",
            imported.format
        );
        let expected = fs::read_to_string(path.with_extension("jsonl")).unwrap();
        assert_eq!(imported.text(), expected, "{name}");
        assert!(imported.errors.is_empty(), "{name}: {:?}", imported.errors);
    }
}

#[test]
fn every_format_has_a_sample() {
    for format in Format::ALL {
        let has_sample = samples().iter().any(|path| path.ends_with(format!("{format}.log")));
        assert!(has_sample, "{format}");
        assert_eq!(format.name().parse::<Format>().unwrap(), *format);
    }
}

#[test]
fn a_trace_that_was_imported_can_be_read_back() {
    for path in samples() {
        let imported = import(&fs::read_to_string(&path).unwrap());
        jsonl::read(imported.text().as_bytes()).unwrap();
    }
}

#[test]
fn no_sample_is_taken_for_another_format() {
    for path in samples() {
        let log = fs::read_to_string(&path).unwrap();
        assert_eq!(import(&log).summary.mixed, None, "{}", path.display());
    }
}

#[test]
fn a_line_cut_in_half_is_named_with_what_was_expected_and_all_else_is_kept() {
    let log = "qemu_ram_write: addr 0x0, data 0x1, size 0x4\n\
               qemu_ram_write: addr 0x4, da\n\
               qemu_ram_write: addr 0x8, data 0x1, size 0x4\n";
    let imported = import(log);
    assert_eq!(imported.accesses().len(), 2);
    let errors: Vec<String> = imported.errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        ["line 2: expected \"qemu_ram_write: addr 0x0, data 0x1, size 0x4\", \
          found \"qemu_ram_write: addr 0x4, da\""]
    );
    let kept = "lines of the log could not be read: 1, the first is line 2";
    assert_eq!(imported.losses(), [(LossKind::Missed, kept)]);
}

#[test]
fn every_sample_cut_off_anywhere_is_read_up_to_the_cut() {
    for path in samples() {
        let log = fs::read(&path).unwrap();
        let format = import(std::str::from_utf8(&log).unwrap()).format;
        let options = Options { format: Some(format), ..Options::default() };
        let whole = import_with(&log, &options).unwrap();
        for cut in 0..log.len() {
            let imported = import_with(&log[..cut], &options).unwrap();
            assert!(imported.errors.len() <= 1, "{} cut at {cut}", path.display());
            let read = imported.accesses();
            // The last access may have lost its last digits without a sign of it.
            let certain = &read[..read.len().saturating_sub(3)];
            assert!(whole.accesses().starts_with(certain), "{} cut at {cut}", path.display());
        }
    }
}

#[test]
fn what_is_no_log_is_refused_with_the_formats_that_are_known() {
    for (log, what) in [
        (&b""[..], "the log is empty"),
        (b"\n\n", "no line of the first 2 is of a format"),
        (b"hello\nworld", "no line of the first 2 is of a format"),
        (&[0, 159, 146, 150, 10, 255], "no line of the first 2"),
    ] {
        let error = import_with(log, &Options::default()).err().unwrap().to_string();
        assert!(error.starts_with(what) && error.contains("qemu-trace, ram-write"), "{error}");
    }
}

#[test]
fn lines_of_another_format_are_named() {
    let imported = import(
        "W 4 42.130012 1 0xfebd0014 0x1 0x0 0\n\
         qemu_ram_write: addr 0x0, data 0x1, size 0x4\n",
    );
    assert_eq!(imported.summary.mixed, Some((Format::RamWrite, 2)));
    assert_eq!((imported.summary.foreign, imported.summary.accesses), (1, 1));
}

#[test]
fn a_format_that_was_given_is_not_guessed() {
    let options = Options { format: Some(Format::Lackey), ..Options::default() };
    let imported =
        import_with(b"qemu_ram_write: addr 0x0, data 0x1, size 0x4\n", &options).unwrap();
    assert_eq!((imported.summary.accesses, imported.summary.foreign), (0, 1));
}

#[test]
fn given_windows_are_the_trace_and_what_lies_outside_is_counted() {
    let log = "qemu_ram_write: addr 0xfff, data 0x1, size 0x1\n\
               qemu_ram_write: addr 0x1000, data 0x1, size 0x4\n\
               qemu_ram_write: addr 0x1ffc, data 0x1, size 0x4\n\
               qemu_ram_write: addr 0x1ffe, data 0x1, size 0x4\n\
               qemu_ram_write: addr 0xfffffffffffffffe, data 0x1, size 0x4\n";
    let windows = vec![Range { base: 0x1000, length: 0x1000 }];
    let imported = import_with(log.as_bytes(), &Options { windows, ..Options::default() }).unwrap();
    let offsets: Vec<u64> = imported.accesses().iter().map(|access| access.offset).collect();
    assert_eq!((offsets, imported.summary.outside), (vec![0, 0xffc], 3));
    assert!(imported.text().contains(r#""id":0,"name":"window","base":4096,"length":4096"#));
}

#[test]
fn time_that_goes_backwards_is_a_loss_that_names_the_line() {
    let imported = import(
        "1@5.000002:memory_region_ops_write cpu 0 mr 0x1 addr 0x0 value 0x1 size 1\n\
         1@5.000001:memory_region_ops_write cpu 0 mr 0x1 addr 0x1 value 0x1 size 1\n",
    );
    let [(LossKind::Approximate, detail)] = imported.losses()[..] else {
        panic!("{:?}", imported.losses())
    };
    assert!(detail.contains("first in line 2"), "{detail}");
    assert_eq!(imported.accesses().len(), 2);
}

#[test]
fn a_value_wider_than_its_access_is_not_cut() {
    let imported = import("qemu_ram_write: addr 0x0, data 0x100, size 0x1\n");
    assert_eq!((imported.accesses().len(), imported.errors.len()), (0, 1));
}

#[test]
fn more_repeats_than_any_log_has_are_a_loss_not_a_flood() {
    let log = "18:02:11.1 [INFO] led: WriteUInt32 to 0x8, value 0x7 (4000000000)\n";
    let imported = import(log);
    assert_eq!(imported.accesses().len(), 1 << 20);
    let [(LossKind::Missed, detail)] = imported.losses()[..] else {
        panic!("{:?}", imported.losses())
    };
    assert_eq!(detail, "line 1 stands for 3998951424 more accesses");
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let line: &[u8] = b"qemu_ram_write: addr 0x0, data 0x1, size 0x4\n";
    let log = line.chain(std::io::repeat(b'x').take(1 << 30)).chain(&b"\n"[..]).chain(line);
    let mut import = Import::new(BufReader::new(log), &Options::default()).unwrap();
    let errors: Vec<String> =
        import.by_ref().filter_map(|record| Some(record.err()?.to_string())).collect();
    assert_eq!(errors, ["line 2: longer than 1048576 bytes, so it is no line of a log"]);
    assert_eq!((import.summary().accesses, import.summary().lines), (2, 3));
}

fn written_by_qemu(access: &Access) -> String {
    let direction = match access.direction {
        Direction::Read => "read",
        Direction::Write => "write",
    };
    let Access { offset, size, thread, .. } = access;
    let data = access.data.unwrap();
    format!(
        "memory_region_ops_{direction} cpu {thread} mr 0x1 addr {offset:#x} value {data:#} size {size} name 'd'\n"
    )
}

fn access() -> impl Strategy<Value = Access> {
    let direction = prop_oneof![Just(Direction::Read), Just(Direction::Write)];
    let size = prop::sample::select(vec![1_u32, 2, 4, 8]);
    (direction, any::<u64>(), size, any::<u64>(), 0..8_u32).prop_map(
        |(direction, offset, size, value, thread)| Access {
            data: Some(Data::new(&value.to_le_bytes()[..size as usize])),
            thread,
            ..Access::new(direction, offset, size)
        },
    )
}

proptest! {
    #[test]
    fn whatever_qemu_logs_is_what_the_trace_has(accesses in prop::collection::vec(access(), 1..40)) {
        let log: String = accesses.iter().map(written_by_qemu).collect();
        let imported = import(&log);
        let expected: Vec<Access> =
            accesses.into_iter().zip(0..).map(|(access, seq)| Access { seq, ..access }).collect();
        prop_assert_eq!(imported.accesses(), expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_do_any_harm(
        log in prop::collection::vec(any::<u8>(), 0..400),
        format in prop::sample::select(Format::ALL.to_vec()),
    ) {
        import_with(&log, &Options { format: Some(format), ..Options::default() }).unwrap();
    }

    #[test]
    fn no_change_of_a_good_log_does_any_harm(
        sample in prop::sample::select(samples()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut log = fs::read(sample).unwrap();
        for (at, byte) in changes {
            let at = at.index(log.len());
            log[at] = byte;
        }
        let imported = import_with(&log, &Options::default());
        if let Ok(imported) = imported {
            prop_assert!(jsonl::read(imported.text().as_bytes()).is_ok());
        }
    }
}
