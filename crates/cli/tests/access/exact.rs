//! Each command makes the accesses of `exact.txt`: that many, so wide, there, with that data, in
//! that order.

use std::fs;

use busprobe_trace::{jsonl, text};

use crate::table::{Bench, Case, cases};

fn table() -> Vec<Case> {
    cases(include_str!("exact.txt"))
}

#[test]
fn the_trace_of_a_command_is_what_the_table_says() {
    for Case { command, expected } in table() {
        let bench = Bench::new();
        let trace = bench.path("trace.jsonl");
        let done = bench.run(&format!("{command} --trace {}", trace.display()));
        let differs = command.starts_with("compare") || command.contains("--verify");
        assert!(done.status == Some(0) || differs, "{command}: {}", done.error);
        let trace = jsonl::read(fs::read(&trace).unwrap().as_slice()).unwrap();
        let line = |access| text::Line { access, site: None, with_window: false }.to_string();
        let found: Vec<String> = trace.accesses().map(line).collect();
        assert_eq!(found, expected, "{command}");
        assert_eq!(
            trace.header.command[1..],
            bench.words(&format!("{command} --trace {}", bench.path("trace.jsonl").display()))
        );
        assert_eq!(trace.accesses().last().unwrap().seq, expected.len() as u64 - 1);
    }
}

/// With what a dry run cannot know of the data left out.
fn before_it_is_done(line: &str, update: bool) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if words[0] == "R" || update {
        words[4] = "?";
    }
    words.join(" ")
}

#[test]
fn a_dry_run_prints_the_accesses_and_makes_none() {
    for Case { command, expected } in table() {
        let bench = Bench::new();
        let before = bench.contents();
        let done = bench.run(&format!("{command} --dry-run"));
        assert_eq!((done.status, done.error.as_str()), (Some(0), ""), "{command}");
        let update = command.starts_with("write") && command.contains(':');
        let expected: Vec<String> =
            expected.iter().map(|line| before_it_is_done(line, update)).collect();
        assert_eq!(done.text().lines().collect::<Vec<_>>(), expected, "{command}");
        assert_eq!(bench.contents(), before, "{command}");
    }
}

#[test]
fn a_window_holds_what_was_written_and_nothing_else_changed() {
    for Case { command, expected } in table() {
        let bench = Bench::new();
        let mut contents = bench.contents();
        // A window of its own start would shift the offsets.
        if command.contains("WINDOW@") {
            continue;
        }
        for line in expected.iter().filter(|line| line.starts_with('W')) {
            let words: Vec<&str> = line.split(' ').collect();
            let hexadecimal = |word: &str| u64::from_str_radix(&word[2..], 16).unwrap();
            let (offset, size) = (hexadecimal(words[2]) as usize, words[6].parse().unwrap());
            let data = hexadecimal(words[4]).to_le_bytes();
            contents[offset..offset + size].copy_from_slice(&data[..size]);
        }
        bench.run(command);
        assert_eq!(bench.contents(), contents, "{command}");
    }
}
