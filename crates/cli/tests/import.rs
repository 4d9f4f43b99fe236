//! `busprobe import` makes traces of other tools' logs that the other commands read.

use std::fs;
use std::path::Path;

use assert_cmd::Command;

/// What `mv32[0:4] = data` of the question that busprobe answers put on a bus.
const DOUBLED: &str = "\
qemu_ram_write: addr 0x0, data 0x3020100, size 0x4
qemu_ram_write: addr 0x4, data 0x7060504, size 0x4
qemu_ram_write: addr 0x8, data 0xb0a0908, size 0x4
qemu_ram_write: addr 0xc, data 0xf0e0d0c, size 0x4
qemu_ram_write: addr 0x0, data 0x3020100, size 0x4
qemu_ram_write: addr 0x4, data 0x7060504, size 0x4
qemu_ram_write: addr 0x8, data 0xb0a0908, size 0x4
qemu_ram_write: addr 0xc, data 0xf0e0d0c, size 0x4
";

struct Ran {
    status: i32,
    out: String,
    error: String,
}

fn busprobe(folder: &Path, arguments: &[&str]) -> Ran {
    let output =
        Command::cargo_bin("busprobe").unwrap().current_dir(folder).args(arguments).output();
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        error: text(output.stderr),
    }
}

fn import(log: &str, options: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bus.log"), log).unwrap();
    busprobe(folder.path(), &[&["import", "bus.log"], options].concat())
}

#[test]
fn an_imported_log_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bus.log"), DOUBLED).unwrap();
    let imported = busprobe(folder.path(), &["import", "bus.log", "-o", "bus.jsonl"]);
    assert_eq!((imported.status, imported.out.as_str()), (0, ""));
    assert_eq!(imported.error, "busprobe: bus.log: ram-write, 8 lines: 8 accesses kept\n");
    let checked = busprobe(folder.path(), &["check", "bus.jsonl"]);
    assert_eq!(checked.out, "8 writes for 4 words: every word written twice\n");
}

#[test]
fn a_log_can_come_from_standard_input() {
    let mut command = Command::cargo_bin("busprobe").unwrap();
    let output = command.args(["import", "-"]).write_stdin(DOUBLED).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap().lines().count();
    assert_eq!(lines, 10);
}

#[test]
fn a_window_keeps_only_what_lies_in_it() {
    let ran = import(DOUBLED, &["--window", "0x4+8"]);
    assert_eq!(ran.status, 0);
    assert_eq!(
        ran.error,
        "busprobe: bus.log: ram-write, 8 lines: 4 accesses kept; \
         4 accesses outside the given windows\n"
    );
    assert!(ran.out.contains(r#""offset":4"#) && !ran.out.contains(r#""offset":8"#), "{}", ran.out);
}

#[test]
fn a_mark_s_address_makes_marks_of_its_writes() {
    let ran = import(DOUBLED, &["--mark", "0xc"]);
    assert_eq!(ran.status, 0);
    assert_eq!(ran.out.matches(r#""t":"mark""#).count(), 2);
    assert_eq!(ran.out.matches(r#""t":"access""#).count(), 6);
}

#[test]
fn a_bad_line_ends_with_2_and_the_rest_is_kept() {
    let ran = import(&DOUBLED.replace("data 0x7060504, size 0x4\n", "data 0x70\n"), &[]);
    assert_eq!(ran.status, 2);
    assert!(ran.error.contains("bus.log: line 2: expected "), "{}", ran.error);
    assert!(ran.error.contains("6 accesses kept; 2 unreadable lines"), "{}", ran.error);
    assert!(ran.out.contains("lines of the log could not be read: 2, the first is line 2"));
}

#[test]
fn a_log_of_two_formats_ends_with_2_and_says_where_the_other_begins() {
    let ran = import(&format!("{DOUBLED} S 1fff000778,8\n"), &[]);
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.error,
        "busprobe: bus.log: ram-write, 9 lines: 8 accesses kept; 1 foreign line, first line 9; \
         line 9 is lackey: import it by itself with --format lackey\n"
    );
}

#[test]
fn time_that_goes_backwards_ends_with_2_and_all_is_kept() {
    let line =
        |time| format!("1@{time}:memory_region_ops_write cpu 0 mr 0x1 addr 0x0 value 0x1 size 1\n");
    let ran = import(&(line("5.000002") + &line("5.000001")), &[]);
    assert_eq!(ran.status, 2);
    assert_eq!(
        ran.error,
        "busprobe: bus.log: qemu-trace, 2 lines: 2 accesses kept; \
         time goes backwards, first in line 2\n"
    );
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    for (log, options, expected) in [
        ("", &[][..], "bus.log: the log is empty; known formats are qemu-trace"),
        ("hello\n", &[], "bus.log: no line of the first 1 is of a format that is known"),
        (DOUBLED, &["--window", "0x100+4K"], "all its 8 accesses lie outside the given windows"),
        ("hello\n", &["--format", "lackey"], "bus.log: no access in it"),
    ] {
        let ran = import(log, options);
        assert_eq!(ran.status, 2);
        let last = ran.error.lines().last().unwrap();
        assert!(last.starts_with("busprobe: ") && last.contains(expected), "{}", ran.error);
    }
}

#[test]
fn options_that_mean_nothing_are_refused() {
    for (option, expected) in [
        (["--window", "0x100"], "write for example 0x0a000000+4K"),
        (["--window", "0xffffffffffffffff+2"], "goes beyond the last address"),
        (["--mark", "here"], "\"here\" is no address; write for example 0x0a003ff0"),
        (["--format", "strace"], "known are qemu-trace, ram-write"),
    ] {
        let ran = import(DOUBLED, &option);
        assert_eq!(ran.status, 2);
        assert!(ran.error.contains(expected), "{}", ran.error);
    }
}
