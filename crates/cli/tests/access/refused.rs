//! Each command of `refused.txt` says in one line what is wrong, and makes no access.

use std::fs;

use crate::table::{Bench, Case, cases};

fn table() -> Vec<Case> {
    cases(include_str!("refused.txt"))
}

#[test]
fn what_cannot_be_done_is_said_in_one_line_and_nothing_is_done() {
    for Case { command, expected } in table() {
        let bench = Bench::new();
        let before = bench.contents();
        let done = bench.run(command);
        let message = expected[0].trim_start_matches("! ");
        assert_eq!((done.status, done.text()), (Some(2), ""), "{command}: {}", done.error);
        assert!(done.error.starts_with("busprobe: "), "{command}: {}", done.error);
        assert_eq!(done.error.lines().count(), 1, "{command}: {}", done.error);
        assert!(done.error.contains(message), "{command}: {}", done.error);
        assert_eq!(bench.contents(), before, "{command}");
    }
}

#[test]
fn a_dry_run_refuses_the_same() {
    for Case { command, .. } in table() {
        let bench = Bench::new();
        // Files that are written to are not opened in a dry run, and it has no trace.
        if command.contains("no-such-directory") {
            continue;
        }
        let done = bench.run(&format!("{command} --dry-run"));
        assert_eq!((done.status, done.text()), (Some(2), ""), "{command}: {}", done.error);
        assert_eq!(done.error, bench.run(command).error);
    }
}

#[test]
fn a_file_that_cannot_be_written_to_is_refused_but_can_be_read() {
    let bench = Bench::new();
    // The system lets nobody write to a program that runs, root included: let it be its own window.
    let program = bench.path("busprobe");
    fs::copy(assert_cmd::cargo::cargo_bin("busprobe"), &program).unwrap();
    let run = |command: &str| {
        let words = command.replace("PROGRAM", program.to_str().unwrap());
        assert_cmd::Command::new(&program).args(words.split(' ')).output().unwrap()
    };
    let read = run("read PROGRAM");
    // The first bytes of an ELF file.
    assert_eq!(read.stdout, b"0x464c457f\n");
    let written = run("write PROGRAM 0x0=1");
    let error = String::from_utf8(written.stderr).unwrap();
    assert_eq!(written.status.code(), Some(2));
    assert!(error.contains("cannot open") && error.contains("Text file busy"), "{error}");
}
