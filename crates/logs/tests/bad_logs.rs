//! Bad logs of every format: what is wrong is named with its line, and all else is kept.

use std::fs;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use busprobe_logs::import::{Format, Import, ImportError, Options, Range, Summary};
use busprobe_trace::{Access, Record};

/// The sample of a format.
fn sample(format: Format) -> Vec<u8> {
    fs::read(path(format)).unwrap()
}

fn path(format: Format) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/import/{format}.log"))
}

struct Imported {
    accesses: Vec<Access>,
    errors: Vec<ImportError>,
    summary: Summary,
}

fn import(log: impl Read, options: &Options) -> Result<Imported, ImportError> {
    let mut import = Import::new(BufReader::new(log), options)?;
    let (mut accesses, mut errors) = (Vec::new(), Vec::new());
    for record in import.by_ref() {
        match record {
            Ok(Record::Access(access)) => accesses.push(access),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    Ok(Imported { accesses, errors, summary: import.summary() })
}

fn forced(format: Format) -> Options {
    Options { format: Some(format), ..Options::default() }
}

fn of_sample(format: Format) -> Imported {
    import(sample(format).as_slice(), &Options::default()).unwrap()
}

/// What an access says, whatever its place in the trace.
fn said(accesses: &[Access]) -> Vec<String> {
    let plain = |access: &Access| format!("{:?}", Access { seq: 0, ..access.clone() });
    accesses.iter().map(plain).collect()
}

/// The lines of a sample with another put in before its last.
fn with_line(format: Format, line: &[u8]) -> (Vec<u8>, u64) {
    let sample = sample(format);
    let lines: Vec<&[u8]> = sample.split_inclusive(|&byte| byte == b'\n').collect();
    let (last, before) = lines.split_last().unwrap();
    let at = before.len() as u64 + 1;
    ([&before.concat(), line, b"\n", last].concat(), at)
}

#[test]
fn an_empty_log_has_no_access() {
    for &format in Format::ALL {
        let imported = import(&b""[..], &forced(format)).unwrap();
        assert_eq!((imported.accesses.len(), imported.summary.lines), (0, 0), "{format}");
    }
}

#[test]
fn binary_junk_between_the_lines_is_passed_over_and_counted() {
    let junk: Vec<u8> = (0..=255).filter(|&byte| byte != b'\n').rev().collect();
    for &format in Format::ALL {
        let (log, at) = with_line(format, &junk);
        let imported = import(log.as_slice(), &Options::default()).unwrap();
        assert_eq!(said(&imported.accesses), said(&of_sample(format).accesses), "{format}");
        let Summary { foreign, first_foreign, .. } = of_sample(format).summary;
        assert_eq!(imported.summary.foreign, foreign + 1, "{format}");
        assert_eq!(imported.summary.first_foreign, first_foreign.or(Some(at)), "{format}");
    }
}

/// Half a line of each format, whose beginning is the format's own.
fn half_a_line(format: Format) -> &'static str {
    match format {
        Format::QemuTrace => "memory_region_ops_write cpu 0 mr 0x55f2a0 addr 0xa0000",
        Format::RamWrite => "qemu_ram_write: addr 0x0, da",
        Format::QemuMem => "0x4000801b40,memcpy,0x40008048a0,0x8",
        Format::Mmiotrace => "W 4 42.1300",
        Format::Rwmmio => "cat-812 [000] ..... 7.250021: rwmmio_write: setup+0x24/0x60 wid",
        Format::Lackey => " S 1fff0007",
        Format::Renode => "18:02:11.1250 [INFO] led: [cpu: 0x40000988] WriteUInt32 to 0x8 (Out",
        Format::DynamoRio => "0x00007f59c2d002d3,w,8,0x",
        Format::Ila => "4,0,1,1,000000",
    }
}

#[test]
fn half_a_line_is_named_with_what_was_expected_and_the_rest_is_kept() {
    for &format in Format::ALL {
        let half = half_a_line(format);
        let (log, at) = with_line(format, half.as_bytes());
        let imported = import(log.as_slice(), &Options::default()).unwrap();
        let errors: Vec<String> = imported.errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 1, "{format}: {errors:?}");
        assert!(errors[0].starts_with(&format!("line {at}: expected ")), "{format}: {errors:?}");
        assert!(errors[0].ends_with(&format!(", found \"{half}\"")), "{format}: {errors:?}");
        assert_eq!(said(&imported.accesses), said(&of_sample(format).accesses), "{format}");
        assert!(!imported.summary.is_sound(), "{format}");
    }
}

#[test]
fn a_line_of_each_other_format_is_named() {
    for &format in Format::ALL {
        let other = if format == Format::RamWrite { Format::Lackey } else { Format::RamWrite };
        let line = match other {
            Format::Lackey => " S 1fff000778,8",
            _ => "qemu_ram_write: addr 0x0, data 0x1, size 0x4",
        };
        let (log, at) = with_line(format, line.as_bytes());
        let imported = import(log.as_slice(), &Options::default()).unwrap();
        assert_eq!(imported.summary.mixed, Some((other, at)), "{format}");
        assert_eq!(said(&imported.accesses), said(&of_sample(format).accesses), "{format}");
        assert!(!imported.summary.is_sound(), "{format}");
    }
}

#[test]
fn a_line_that_does_not_end_is_passed_over_in_bounded_memory() {
    for &format in Format::ALL {
        let sample = sample(format);
        let endless = std::io::repeat(b'0').take(64 << 20).chain(&b"\n"[..]);
        let imported =
            import(sample.as_slice().chain(endless).chain(&b""[..]), &Options::default()).unwrap();
        let at = of_sample(format).summary.lines + 1;
        let errors: Vec<String> = imported.errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [format!("line {at}: longer than 1048576 bytes, so it is no line of a log")],
            "{format}"
        );
        assert_eq!(said(&imported.accesses), said(&of_sample(format).accesses), "{format}");
    }
}

#[test]
fn addresses_outside_every_window_are_counted_and_left_out() {
    let nowhere = vec![Range { base: 0xffff_0000_0000_0000, length: 16 }];
    for &format in Format::ALL {
        let options = Options { windows: nowhere.clone(), ..Options::default() };
        let imported = import(sample(format).as_slice(), &options).unwrap();
        assert_eq!(imported.accesses.len(), 0, "{format}");
        assert_eq!(imported.summary.outside, of_sample(format).summary.accesses, "{format}");
    }
}

#[test]
fn time_that_goes_backwards_is_named_where_a_format_has_time() {
    for &format in Format::ALL {
        let mut log = sample(format);
        log.extend(sample(format));
        let imported = import(log.as_slice(), &Options::default()).unwrap();
        let lines = of_sample(format).summary.lines;
        let has_time = of_sample(format).accesses.iter().any(|access| access.time_ns.is_some());
        match imported.summary.backwards {
            Some(line) => assert!(has_time && line > lines, "{format}: line {line}"),
            None => assert!(!has_time, "{format}"),
        }
        assert_eq!(imported.summary.is_sound(), !has_time, "{format}");
    }
}
