//! `busprobe export` writes a trace as other tools read it.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

const TRACE: &str = concat!(
    r#"{"t":"trace","version":1,"level":"instruction","capture":"native","machine":"x86_64"}"#,
    "\n",
    r#"{"t":"window","id":0,"name":"file:win","length":4096}"#,
    "\n",
    r#"{"t":"access","seq":0,"dir":"W","window":0,"offset":0,"size":4,"data":"0x00000001"}"#,
    "\n",
);

fn export(folder: &Path, trace: &str, options: &[&str]) -> (i32, String, String) {
    fs::write(folder.join("t.jsonl"), trace).unwrap();
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command.current_dir(folder).args(["export", "t.jsonl"]).args(options).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_format_follows_from_the_name_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, begin) in [
        ("t.txt", &b"W addr 0x0 data 0x1 size 4"[..]),
        ("t.csv", b"seq,kind,"),
        ("t.vcd", b"$version"),
        ("t.fst", &[0]),
        ("t.json", b"{\"displayTimeUnit\""),
    ] {
        let (status, out, error) = export(folder.path(), TRACE, &["-o", name]);
        assert_eq!((status, out.as_str(), error.as_str()), (0, "", ""), "{name}");
        let file = fs::read(folder.path().join(name)).unwrap();
        assert!(file.starts_with(begin), "{name}: {}", file[..30].escape_ascii());
    }
}

#[cfg(feature = "parquet")]
#[test]
fn what_reads_a_trace_reads_it_from_parquet_too() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(export(folder.path(), TRACE, &["-o", "t.parquet"]).0, 0);
    let run = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("busprobe").unwrap();
        let output = command.current_dir(&folder).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(run(&["check", "t.parquet"]), "1 write for 1 word: exact\n");
    assert_eq!(run(&["diff", "t.parquet", "t.jsonl"]), "");
    let back = run(&["export", "t.parquet", "--format", "jsonl"]);
    assert_eq!(back, run(&["export", "t.jsonl", "--format", "jsonl"]));
}

#[test]
fn text_goes_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let (status, out, _) = export(folder.path(), TRACE, &["--format", "text"]);
    assert_eq!((status, out.as_str()), (0, "W addr 0x0 data 0x1 size 4\n"));
    let (_, out, _) = export(folder.path(), TRACE, &["--format", "jsonl"]);
    assert_eq!(out.lines().count(), 3);
}

#[test]
fn a_damaged_trace_is_exported_up_to_the_damage() {
    let folder = tempfile::tempdir().unwrap();
    let trace = format!("{TRACE}rubbish\n{}", TRACE.lines().last().unwrap());
    let (status, out, error) = export(folder.path(), &trace, &["--format", "text"]);
    assert_eq!((status, out.lines().count()), (2, 1));
    assert!(error.contains("line 4") && error.contains("exported is what came before"), "{error}");
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (trace, options, expected) in [
        (TRACE, &[][..], "which format? give --format with one of text, jsonl, csv"),
        (TRACE, &["-o", "t.xyz"], "which format?"),
        (TRACE, &["--format", "fst"], "fst cannot be written to a pipe: give -o FILE"),
        ("hello\n", &["-o", "none.csv"], "t.jsonl: line 1: not a busprobe trace"),
    ] {
        let (status, out, error) = export(folder.path(), trace, options);
        assert_eq!((status, out.as_str()), (2, ""));
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    }
    assert!(!folder.path().join("none.csv").exists());
}
