//! QEMU's bus log becomes a trace of one window, in every form QEMU has had.

use std::fmt::Write as _;

use busprobe_trace::import::ImportError;
use busprobe_trace::import::qemu_trace::{Options, Reader, View};
use busprobe_trace::{Access, Capture, Direction, Event, Header, Level, LossKind, Record, Trace};
use proptest::prelude::*;

const BASE: u64 = 0x0a00_0000;

fn options() -> Options {
    Options {
        machine: "aarch64".to_owned(),
        base: BASE,
        length: 0x4000,
        mark: Some(BASE + 0x3ff0),
        view: View::Device,
    }
}

fn import_with(log: &[u8], options: Options) -> Result<Trace, ImportError> {
    let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, ""));
    for record in Reader::new(log, options) {
        trace.push(record?);
    }
    Ok(trace)
}

fn import(log: &str) -> Trace {
    import_with(log.as_bytes(), options()).unwrap()
}

/// Accesses as text, `W 0x0 0x00000001`.
fn accesses(trace: &Trace) -> Vec<String> {
    let text = |access: &Access| {
        let Access { direction, offset, data, .. } = access;
        format!("{} {offset:#x} {}", direction.letter(), data.unwrap())
    };
    trace.accesses().map(text).collect()
}

#[test]
fn a_log_is_a_trace_of_the_guest_s_bus() {
    // As QEMU 7.2.22 wrote it.
    let log = "\
memory_region_ops_write cpu 0 mr 0x5555951a6350 addr 0xa000000 value 0x1 size 4 name 'virtio-mmio'
memory_region_ops_read cpu 0 mr 0x5555951a6350 addr 0xa000004 value 0x0 size 2 name 'virtio-mmio'
";
    let trace = import(log);
    assert_eq!(trace.header, Header::new(Level::Bus, Capture::Guest, "aarch64"));
    assert_eq!((trace.windows[0].base, trace.windows[0].length), (Some(BASE), 0x4000));
    assert_eq!(accesses(&trace), ["W 0x0 0x00000001", "R 0x4 0x0000"]);
}

#[test]
fn every_form_of_a_line_says_the_same() {
    let forms = [
        "memory_region_ops_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4 name 'edu 1 size 9'",
        "memory_region_ops_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4",
        "memory_region_ops_write mr 0x5 addr 0xa000010 value 0x302 size 4",
        "memory_region_ram_device_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4",
        "811@1732312801.123456:memory_region_ops_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4",
        "2025-12-04T20:26:55.123456Z memory_region_ops_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4",
        "qemu_ram_write: addr 0x10, data 0x302, size 0x4",
        "qemu_ram_write: addr 0x10, data 0x302, size 0x4 *",
    ];
    for form in forms {
        for end in ["\n", "\r\n", ""] {
            assert_eq!(accesses(&import(&format!("{form}{end}"))), ["W 0x10 0x00000302"], "{form}");
        }
    }
}

#[test]
fn times_count_from_the_first_access() {
    let line = "memory_region_ops_write cpu 0 mr 0x5 addr 0xa000010 value 0x302 size 4";
    let trace = import(&format!("7@100.000001:{line}\n8@101.000003:{line}\n"));
    let seen: Vec<_> = trace.accesses().map(|access| (access.thread, access.time_ns)).collect();
    assert_eq!(seen, [(7, Some(0)), (8, Some(1_000_002_000))]);

    let trace =
        import(&format!("2025-12-31T23:59:59.5Z {line}\n2026-01-01T00:00:00.500000Z {line}\n"));
    assert_eq!(trace.accesses().nth(1).unwrap().time_ns, Some(1_000_000_000));
}

#[test]
fn what_is_outside_the_window_or_no_access_is_left_out_and_counted() {
    let log = "\
memory_region_ops_write cpu 0 mr 0x1 addr 0x9fffffc value 0x1 size 4 name 'a'
memory_region_ops_write cpu 0 mr 0x1 addr 0xa004000 value 0x1 size 4 name 'b'
gicv2m_write
qemu-system-aarch64: warning: something
\u{fffd}\u{0}
memory_region_subpage_write cpu 0 mr 0x1 offset 0x0 value 0x1 size 8
memory_region_ops_write cpu 0 mr 0x1 addr 0xa003ffc value 0x9 size 4 name 'c'
";
    let mut reader = Reader::new(log.as_bytes(), options());
    let records: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    assert!(matches!(&records[..], [_, _, Record::Access(Access { offset: 0x3ffc, .. })]));
    assert_eq!(reader.foreign(), 4);
}

#[test]
fn a_write_to_the_mark_address_is_a_mark_and_a_read_is_not() {
    let log = "\
memory_region_ops_write cpu 0 mr 0x1 addr 0xa003ff0 value 0xffff size 4 name 'c'
memory_region_ops_read cpu 0 mr 0x1 addr 0xa003ff0 value 0x0 size 4 name 'c'
";
    let trace = import(log);
    assert!(matches!(&trace.events[0], Event::Mark(mark) if mark.text == "0xffff"));
    assert_eq!(accesses(&trace), ["R 0x3ff0 0x00000000"]);
}

#[test]
fn the_subpage_view_is_what_the_cpu_issued() {
    let log = "\
memory_region_subpage_write cpu 0 mr 0x1 offset 0x18 value 0x0807060504030201 size 8
memory_region_ops_write cpu 0 mr 0x2 addr 0xa000018 value 0x04030201 size 4 name 'c'
memory_region_ops_write cpu 0 mr 0x2 addr 0xa00001c value 0x08070605 size 4 name 'c'
";
    assert_eq!(accesses(&import(log)), ["W 0x18 0x04030201", "W 0x1c 0x08070605"]);
    let subpage = Options { view: View::Subpage, ..options() };
    let trace = import_with(log.as_bytes(), subpage).unwrap();
    assert_eq!(accesses(&trace), ["W 0x18 0x0807060504030201"]);
}

#[test]
fn an_access_that_a_region_hands_on_is_one_access_and_the_trace_says_so() {
    let log = "\
memory_region_ops_write cpu 0 mr 0x1 addr 0xa000000 value 0x0807060504030201 size 8 name 'outer'
memory_region_ops_write cpu 0 mr 0x2 addr 0xa000000 value 0x04030201 size 4 name 'inner'
memory_region_ops_write cpu 0 mr 0x2 addr 0xa000004 value 0x08070605 size 4 name 'inner'
memory_region_ops_write cpu 0 mr 0x2 addr 0xa000008 value 0x0 size 4 name 'beside'
";
    let trace = import(log);
    assert_eq!(accesses(&trace), ["W 0x0 0x0807060504030201", "W 0x8 0x00000000"]);
    let loss = trace.losses().next().unwrap();
    assert_eq!((loss.kind, loss.count), (LossKind::Approximate, Some(2)));
}

#[test]
fn a_line_that_is_no_access_after_all_is_named() {
    for (end, says) in [
        ("addr 0xa000000 value 0x1", "line 2: the access has no size"),
        ("addr zero value 0x1 size 4", "line 2: addr \"zero\" is no number"),
        (
            "addr 0xa000000 value 0x1 size 0",
            "line 2: size 0, and QEMU's accesses have 1 to 8 bytes",
        ),
        ("addr 0xa000000 value 0x1 size 16", "line 2: size 16, and"),
        (
            "addr 0xa000000 value 0x11112222333344445 size 8",
            "line 2: value \"0x11112222333344445\"",
        ),
    ] {
        let log = format!("\nmemory_region_ops_write cpu 0 mr 0x1 {end}\n");
        let error = import_with(log.as_bytes(), options()).unwrap_err().to_string();
        assert!(error.starts_with(says), "{error}");
    }
}

#[test]
fn a_log_without_any_access_says_how_to_get_one() {
    let error = import_with(b"pl011_read addr 0x18\n", options()).unwrap_err().to_string();
    assert!(error.contains("-trace 'memory_region_ops_*'"), "{error}");
    assert!(import_with(b"", options()).unwrap().events.is_empty());
}

proptest! {
    #[test]
    fn a_log_cut_off_anywhere_keeps_what_came_before(cut in 0usize..240) {
        let line = "7@1.5:memory_region_ops_write cpu 0 mr 0x1 addr 0xa000000 value 0x1 size 4\n";
        let whole = line.repeat(3);
        let cut = cut.min(whole.len());
        // A line cut before its event's name is complete is another event's.
        if let Ok(trace) = import_with(&whole.as_bytes()[..cut], options()) {
            prop_assert!(trace.accesses().count() >= cut / line.len());
        } else {
            prop_assert!(cut < line.len());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = import_with(&bytes, options());
    }

    #[test]
    fn no_numbers_make_it_panic(
        base: u64, length: u64, address: u64, value: u64, size: u8, subpage: bool,
    ) {
        let log = format!(
            "memory_region_ops_read cpu -1 mr 0x0 addr {address:#x} value {value:#x} size {size}\n\
             memory_region_subpage_write cpu 0 mr 0x1 offset {address:#x} value 0x0 size {size}\n\
             9999-12-31T99:99:99Z qemu_ram_read: addr {address:#x}, data {value}, size 0x8\n"
        );
        let view = if subpage { View::Subpage } else { View::Device };
        let _ = import_with(log.as_bytes(), Options { base, length, view, ..options() });
    }

    #[test]
    fn what_is_written_as_a_log_is_read_back(
        writes in prop::collection::vec((0u64..0x800, 0u32..4, any::<u64>(), any::<bool>()), 1..50)
    ) {
        let mut log = String::new();
        let mut expected = Vec::new();
        for (word, power, value, is_read) in writes {
            let (offset, size) = (word * 8, 1 << power);
            let value = value >> (64 - 8 * size);
            let (name, direction) =
                if is_read { ("read", Direction::Read) } else { ("write", Direction::Write) };
            let address = BASE + offset;
            writeln!(
                log,
                "memory_region_ops_{name} cpu 0 mr 0x1 addr {address:#x} value {value:#x} size {size}"
            )
            .unwrap();
            let digits = 2 * size as usize;
            expected.push(format!("{} {offset:#x} 0x{value:0digits$x}", direction.letter()));
        }
        let no_mark = Options { mark: None, ..options() };
        prop_assert_eq!(accesses(&import_with(log.as_bytes(), no_mark).unwrap()), expected);
    }
}
