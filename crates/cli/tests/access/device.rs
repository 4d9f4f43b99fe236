//! What the commands say of devices that refuse accesses, or do not keep what is written.

use std::fs;

use busprobe_trace::{jsonl, text};

use crate::table::{Bench, Outcome};

/// A command on a simulated device that this text describes.
fn on_device(text: &str, command: &str) -> Outcome {
    traced_on_device(text, command).0
}

/// The same, and the accesses that it wrote down.
fn traced_on_device(text: &str, command: &str) -> (Outcome, Vec<String>) {
    let bench = Bench::new();
    let (device, trace) = (bench.path("device.txt"), bench.path("trace.jsonl"));
    fs::write(&device, text).unwrap();
    let command = command.replace("DEVICE", &format!("sim:{}", device.display()));
    let done = bench.run(&format!("{command} --trace {}", trace.display()));
    let trace = jsonl::read(fs::read(trace).unwrap().as_slice()).unwrap();
    let line = |access| text::Line { access, site: None, with_window: false }.to_string();
    (done, trace.accesses().map(line).collect())
}

#[test]
fn a_poll_that_is_refused_is_trouble() {
    let done = on_device("length 4K\nregister 0x0 rw\n", "poll DEVICE 0x4=1");
    assert_eq!((done.status, done.text(), done.error.lines().count()), (Some(2), "", 1));
    assert!(done.error.contains("SIGBUS on a 32-bit read at offset 0x4"), "{}", done.error);
}

#[test]
fn what_does_not_read_back_is_printed_and_ends_with_1() {
    // Write-1-to-clear: what is written is never what is read.
    let done = on_device(
        "length 4K\nregister 0x0 w1c\nregister 0x4 rw\n",
        "write DEVICE 0x4=7 0x0=5 --verify",
    );
    let expected = "0x0: wrote 0x00000005, reads 0x00000000\n";
    assert_eq!((done.status, done.text(), done.error.as_str()), (Some(1), expected, ""));
}

#[test]
fn a_dump_marks_what_a_device_refuses_and_goes_on() {
    let device = "length 0x20\nmemory 0x0+0x8\nmemory 0x10+0x10\n";
    let done = on_device(device, "dump DEVICE");
    let rows = "0x0000: 0x00000000 0x00000000 0x???????? 0x????????\n\
                0x0010: 0x00000000 0x00000000 0x00000000 0x00000000\n";
    assert_eq!((done.status, done.text()), (Some(2), rows));
    let expected = "busprobe: 2 reads failed, the last at offset 0xc, the first: SIGBUS on a \
                    32-bit read at offset 0x8, after 2 completed accesses\n";
    assert_eq!(done.error, expected);
    let done = on_device(device, "dump DEVICE --json --width 64");
    let object: serde_json::Value = serde_json::from_slice(&done.out).unwrap();
    assert_eq!(object["values"][1], serde_json::Value::Null);
    assert_eq!((done.status, object["values"].as_array().unwrap().len()), (Some(2), 4));
}

#[test]
fn a_read_that_is_refused_ends_behind_what_came_before() {
    let device = "length 0x20\nmemory 0x0+0x8\n";
    let done = on_device(device, "read DEVICE 0x0+16");
    assert_eq!((done.status, done.text()), (Some(2), "0x00000000\n0x00000000\n"));
    assert_eq!(done.error.lines().count(), 1);
    let done = on_device(device, "read DEVICE 0x0+16 --width 64 --split lo-hi");
    assert_eq!((done.status, done.text()), (Some(2), "0x0000000000000000\n"));
    assert!(done.error.contains("at offset 0x8, after 2 completed accesses"), "{}", done.error);
}

#[test]
fn the_access_that_is_refused_is_in_the_trace_and_none_behind_it() {
    let device = "length 0x20\nmemory 0x0+0x8\n";
    let (done, trace) = traced_on_device(device, "write DEVICE 0x0=1,2,3,4 0x0=5");
    assert!(done.error.contains("32-bit write at offset 0x8, after 2 completed"), "{}", done.error);
    let writes = ["W addr 0x0 data 0x1 size 4", "W addr 0x4 data 0x2 size 4"];
    assert_eq!(trace, [&writes[..], &["W addr 0x8 data 0x3 size 4"]].concat());
    let (done, trace) = traced_on_device(device, "read DEVICE 0x0+16 --width 64");
    assert_eq!((done.status, done.text()), (Some(2), "0x0000000000000000\n"));
    assert_eq!(trace, ["R addr 0x0 data 0x0 size 8", "R addr 0x8 data ? size 8"]);
    let (_, trace) = traced_on_device(device, "write DEVICE 0x8:7:4=1");
    assert_eq!(trace, ["R addr 0x8 data ? size 4"]);
    let (done, trace) = traced_on_device(device, "fill DEVICE 0x0+24=0 --width 64 --split hi-lo");
    assert!(done.error.contains("32-bit write at offset 0xc, after 2 completed"), "{}", done.error);
    assert_eq!(trace.len(), 3);
}
