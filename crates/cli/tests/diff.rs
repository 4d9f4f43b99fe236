//! `busprobe diff` says what one trace has that another has not.

use std::fs;

use assert_cmd::Command;

const HEADER: &str =
    r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64"}"#;

fn access(seq: usize, offset: u64) -> String {
    format!(
        r#"{{"t":"access","seq":{seq},"dir":"W","window":0,"offset":{offset},"size":4,"data":"0x00000001"}}"#
    )
}

fn trace(offsets: &[u64]) -> String {
    let accesses = offsets.iter().enumerate().map(|(seq, &offset)| access(seq, offset));
    let lines: Vec<String> = std::iter::once(HEADER.to_owned()).chain(accesses).collect();
    lines.join("\n") + "\n"
}

fn diff(first: &str, second: &str, options: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.jsonl"), first).unwrap();
    fs::write(folder.path().join("b.jsonl"), second).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output =
        command.current_dir(&folder).args(["diff", "a.jsonl", "b.jsonl"]).args(options).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_same_ends_with_0_and_says_nothing() {
    let (status, out, error) = diff(&trace(&[0, 4]), &trace(&[0, 4]), &[]);
    assert_eq!((status, out.as_str(), error.as_str()), (0, "", ""));
}

#[test]
fn a_difference_ends_with_1_and_is_shown_in_its_place() {
    let once = trace(&[0, 4, 8, 12, 16, 20, 24, 28]);
    let twice = trace(&[0, 4, 8, 12, 16, 20, 24, 28, 28]);
    let (status, out, _) = diff(&once, &twice, &[]);
    assert_eq!(status, 1);
    assert_eq!(
        out,
        "--- a.jsonl\n+++ b.jsonl\n\
         @@ the whole trace, window 0: 0 only in the first, 1 only in the second\n\
         \x20 ... 5 the same\n\
         \x20 W addr 0x14 data 0x1 size 4\n\
         \x20 W addr 0x18 data 0x1 size 4\n\
         \x20 W addr 0x1c data 0x1 size 4\n\
         + W addr 0x1c data 0x1 size 4\n"
    );
}

#[test]
fn the_beats_of_a_bus_can_be_the_same_where_the_accesses_are_not() {
    let words = trace(&[0, 4]);
    let whole = format!(
        "{HEADER}\n{}\n",
        access(0, 0)
            .replace("\"size\":4", "\"size\":8")
            .replace("0x00000001", "0x0000000100000001")
    );
    let (status, out, _) = diff(&words, &whole, &[]);
    assert_eq!(status, 1);
    assert!(out.contains("2 only in the first, 1 only in the second"), "{out}");
    assert_eq!(diff(&words, &whole, &["--bus", "axi4-lite-32"]).0, 0);
    assert_eq!(diff(&words, &whole, &["--bus", "axi4-lite-64"]).0, 1);
}

#[test]
fn half_a_trace_is_trouble_and_no_difference() {
    let whole = trace(&[0, 4]);
    let (status, out, error) = diff(&whole, &whole.replace("\"size\":4", "\"size\":x"), &[]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(error.contains("b.jsonl: line 2: "), "{error}");
}
