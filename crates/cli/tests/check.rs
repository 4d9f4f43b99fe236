//! `busprobe check` says whether a trace is what was meant, and its exit status says it too.

use std::path::PathBuf;

use assert_cmd::Command;

const HEADER: &str =
    r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64"}"#;

fn access(seq: u64, offset: u64, size: u32) -> String {
    format!(r#"{{"t":"access","seq":{seq},"dir":"W","window":0,"offset":{offset},"size":{size}}}"#)
}

struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    fn new() -> Self {
        Sample { directory: tempfile::tempdir().unwrap() }
    }

    fn trace(&self, text: &str) -> PathBuf {
        let path = self.directory.path().join("trace.jsonl");
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn check(text: &str, options: &[&str]) -> (i32, String, String) {
    let sample = Sample::new();
    let path = sample.trace(text);
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .arg("check")
        .arg(path)
        .args(options)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn an_exact_trace_ends_with_0() {
    let trace = [HEADER, &access(0, 0, 4), &access(1, 4, 4)].join("\n") + "\n";
    let (status, out, error) = check(&trace, &["--intent", "W 0x0 2x32"]);
    assert_eq!((status, out.as_str(), error.as_str()), (0, "2 writes for 2 words: exact\n", ""));
}

#[test]
fn a_trace_that_is_not_exact_ends_with_1() {
    let trace = [HEADER, &access(0, 0, 16), &access(1, 0, 16)].join("\n") + "\n";
    let (status, out, _) = check(&trace, &[]);
    assert_eq!((status, out.as_str()), (1, "8 writes for 4 words: every word written twice\n"));
}

#[test]
fn json_names_the_classes() {
    let trace = [HEADER, &access(0, 0, 16), &access(1, 0, 16)].join("\n") + "\n";
    let (_, out, _) = check(&trace, &["--json"]);
    let rows: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(rows[0]["verdict"], serde_json::json!(["doubled"]));
    assert_eq!(rows[0]["intent"], "W 0x0 4x32");
    assert_eq!(rows[0]["beats"], 8);
}

#[test]
fn the_bus_can_be_chosen() {
    let trace = [HEADER, &access(0, 0, 8)].join("\n") + "\n";
    let intent = ["--intent", "W 0 1x64"];
    assert_eq!(check(&trace, &intent).0, 1);
    assert_eq!(check(&trace, &[&intent[..], &["--bus", "axi4-lite-64"]].concat()).0, 0);
    let (status, _, error) = check(&trace, &["--bus", "isa"]);
    assert_eq!(status, 2);
    assert!(error.contains("known are device, axi4-lite-32"), "{error}");
}

#[test]
fn a_cut_off_trace_is_judged_but_never_exact() {
    let whole = [HEADER, &access(0, 0, 4), &access(1, 4, 4)].join("\n");
    let (status, out, _) = check(&whole[..whole.len() - 5], &[]);
    assert_eq!(status, 1);
    assert!(out.contains("cut off in line 3; all before it is here"), "{out}");
}

#[test]
fn a_damaged_line_is_named_and_what_came_before_is_judged() {
    let trace = [HEADER, &access(0, 0, 4), "rubbish", &access(1, 4, 4)].join("\n") + "\n";
    let (status, out, error) = check(&trace, &[]);
    assert_eq!((status, out.as_str()), (2, "1 write for 1 word: exact\n"));
    assert!(
        error.contains("trace.jsonl: line 3: ") && error.contains("judged is what came before"),
        "{error}"
    );
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    for (text, expected) in [
        ("", "not a busprobe trace"),
        ("qemu_ram_write: addr 0x0, data 0x1, size 0x4\n", "not a busprobe trace"),
        (&format!("{HEADER}\n"), "no access in it"),
    ] {
        let (status, out, error) = check(text, &[]);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
    let missing = Command::cargo_bin("busprobe").unwrap().args(["check", "no-such-file"]).output();
    let error = String::from_utf8(missing.unwrap().stderr).unwrap();
    assert_eq!(error, "busprobe: no-such-file: No such file or directory (os error 2)\n");
}
