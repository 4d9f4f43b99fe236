//! `busprobe sweep --on lab`: the table of an AArch64 libc, without the machine.

#[path = "../../lab/tests/libcs/mod.rs"]
mod libcs;

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn sweep(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("busprobe")
        .unwrap()
        .args(["sweep", "--on", "lab"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn cells(arguments: &[&str]) -> Vec<Value> {
    let (status, out, error) = sweep(&[arguments, &["--json"]].concat());
    assert_eq!((status, error.as_str()), (0, ""));
    serde_json::from_str(&out).unwrap()
}

fn libc(part: &str) -> Option<String> {
    Some(libcs::path(part)?.to_str().unwrap().to_owned())
}

#[test]
fn the_counts_are_the_published_ones() {
    let published = include_str!("../../lab/tests/golden/seed.txt");
    let (_, table) = published.split_once("[table]\n").unwrap();
    for part in ["libc6", "musl"] {
        let Some(libc) = libc(part) else { return };
        let counted: Vec<String> = cells(&["--libc", &libc, "--unaligned", "bytes"])
            .iter()
            .map(|cell| format!("{} {}", cell["words"], cell["beats"]))
            .collect();
        assert_eq!(counted, table.lines().collect::<Vec<_>>(), "{part}");
    }
}

#[test]
fn the_table_says_which_code_ran() {
    let (Some(libc), Some(symbols)) = (libc("libc6"), libc("libc6-dbg")) else { return };
    let (status, out, error) = sweep(&["--libc", &libc, "--symbols", &symbols]);
    assert_eq!((status, error.as_str()), (0, ""));
    assert!(out.contains("memcpy on cortex-a57 is, by the libc's own resolver, __memcpy_generic"));
    assert!(out.contains("build id "), "{out}");
    assert!(out.contains("230 words: alignment fault: stp q"), "{out}");
}

#[test]
fn each_access_has_its_instruction() {
    let Some(libc) = libc("musl") else { return };
    let (_, out, _) = sweep(&["--libc", &libc, "--words", "4", "--listing"]);
    let line = "W addr 0x0 data 0xf0e0d0c0b0a09080706050403020100 size 16   libc.so memcpy+";
    assert!(out.lines().any(|text| text.starts_with(line)), "{out}");
    let cells = cells(&["--libc", &libc, "--words", "4"]);
    assert_eq!(cells[0]["lab"]["listing"].as_array().unwrap().len(), 2);
    assert_eq!(cells[0]["lab"]["routine"], "memcpy");
}

#[test]
fn another_variant_can_be_named() {
    let (Some(libc), Some(symbols)) = (libc("libc6"), libc("libc6-dbg")) else { return };
    let named = ["--libc", &libc, "--symbols", &symbols, "--words", "4", "--variant"];
    let cells = cells(&[&named[..], &["__memcpy_thunderx"]].concat());
    assert_eq!((&cells[0]["way"], &cells[0]["beats"]), (&"__memcpy_thunderx".into(), &4.into()));
    let (_, out, _) = sweep(&[&named[..], &["__memcpy_mops"]].concat());
    assert!(out.contains("4 words: resolved, not executed: "), "{out}");
    assert!(out.contains("needs MOPS"), "{out}");
}

#[test]
fn the_place_of_the_block_changes_what_the_bus_sees() {
    let Some(libc) = libc("libc6") else { return };
    let beats = |more: &[&str]| {
        let common = ["--libc", &libc, "--words", "64", "--unaligned"];
        cells(&[&common, more].concat())[0]["beats"].as_u64().unwrap()
    };
    assert_eq!(beats(&["bytes"]), 68);
    assert_eq!(beats(&["bytes", "--src-offset", "4"]), 212);
    assert_eq!(beats(&["beats", "--src-offset", "4"]), 68);
    assert!(beats(&["bytes", "--dst-offset", "4"]) > 68);
}

#[test]
fn what_cannot_be_run_is_one_line_and_status_2() {
    let directory = tempfile::tempdir().unwrap();
    let one_line = |arguments: &[&str], expected: &str| {
        let (status, out, error) = sweep(arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains(expected), "{error}");
    };
    let none = directory.path().join("none");
    one_line(&["--libc", none.to_str().unwrap()], "No such file");
    let ours = std::env::current_exe().unwrap();
    if cfg!(not(target_arch = "aarch64")) {
        one_line(&["--libc", ours.to_str().unwrap()], "libc6:arm64");
    }
    let Some(libc) = libc("libc6") else { return };
    let part = directory.path().join("part.so");
    let whole = std::fs::read(Path::new(&libc)).unwrap();
    std::fs::write(&part, &whole[..100_000]).unwrap();
    one_line(&["--libc", part.to_str().unwrap()], "not a whole one");
    one_line(&["--libc", &libc, "--cpu", "cortex-m4"], "known are cortex-a");
    one_line(&["--libc", &libc, "--variant", "memcpy_fast"], "libc6-dbg");
    one_line(&["--libc", &libc, "--variant", "0xfffffff0"], "executable");
    one_line(&["--libc", &libc, "--dst-offset", "0x100000"], "window");
}

#[test]
fn options_of_the_other_place_are_refused() {
    let (status, _, error) = sweep(&["--libc", "libc.so", "--via", "memoryview"]);
    assert_eq!((status, error.lines().count()), (2, 1), "{error}");
    let native = Command::cargo_bin("busprobe").unwrap().args(["sweep", "--libc", "x"]).output();
    assert_eq!(native.unwrap().status.code(), Some(2));
}
