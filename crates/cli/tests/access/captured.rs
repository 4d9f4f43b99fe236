//! What the commands put on a bus, as seen from outside: by `busprobe trace`.

use std::fs;

use busprobe_trace::{jsonl, text};

use crate::table::{Bench, Case, cases};

/// Runs a command under the capture; the accesses it made to the window, and its exit status.
fn captured(bench: &Bench, window: &str, command: &str) -> (Vec<String>, Option<i32>) {
    let trace = bench.path("captured.jsonl");
    let done = assert_cmd::Command::cargo_bin("busprobe")
        .unwrap()
        .args(["trace", "--watch", &bench.words(window)[0], "-o"])
        .arg(&trace)
        .arg("--")
        .arg(assert_cmd::cargo::cargo_bin("busprobe"))
        .args(bench.words(command))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&done.stderr);
    let file = fs::read(trace).unwrap_or_else(|_| panic!("{command}: {error}"));
    let trace = jsonl::read(file.as_slice()).unwrap();
    assert_eq!(trace.losses().count(), 0, "{command}: {error}");
    let line = |access| text::Line { access, site: None, with_window: false }.to_string();
    (trace.accesses().map(line).collect(), done.status.code())
}

#[test]
fn every_command_makes_the_accesses_of_the_table_and_no_others() {
    for Case { command, expected } in cases(include_str!("exact.txt")) {
        let window = command.split(' ').nth(1).unwrap();
        let (found, _) = captured(&Bench::new(), window, command);
        assert_eq!(found, expected, "{command}");
    }
}

#[test]
fn devmem_makes_one_access_or_none() {
    for Case { command, expected } in cases(include_str!("devmem.txt")) {
        let accesses: Vec<&str> =
            expected.into_iter().filter(|line| line.starts_with(['R', 'W'])).collect();
        let command = format!("devmem --mem WINDOW {command}");
        assert_eq!(captured(&Bench::new(), "WINDOW", &command).0, accesses, "{command}");
    }
}

#[test]
fn a_command_that_is_refused_makes_no_access() {
    for Case { command, .. } in cases(include_str!("refused.txt")) {
        let (found, status) = captured(&Bench::new(), "WINDOW", command);
        assert_eq!((found, status), (vec![], Some(2)), "{command}");
    }
}

#[test]
fn a_dry_run_makes_no_access() {
    for Case { command, .. } in cases(include_str!("exact.txt")) {
        let command = format!("{command} --dry-run");
        assert_eq!(captured(&Bench::new(), "WINDOW", &command), (vec![], Some(0)), "{command}");
    }
}
