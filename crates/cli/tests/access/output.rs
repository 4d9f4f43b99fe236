//! What the commands print, and the files they write.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::table::Bench;

/// What a command prints on a fresh window; it succeeds.
fn printed(command: &str) -> String {
    let done = Bench::new().run(command);
    assert_eq!((done.status, done.error.as_str()), (Some(0), ""), "{command}");
    done.text().to_owned()
}

#[test]
fn a_value_is_padded_to_the_width_of_its_access() {
    assert_eq!(printed("read WINDOW 0x100 --width 8"), "0x00\n");
    assert_eq!(printed("read WINDOW 0x100 --width 16"), "0x0100\n");
    assert_eq!(printed("read anon:4K"), "0x00000000\n");
    assert_eq!(
        printed("read WINDOW 0x0 0x8 --width 64"),
        "0x0706050403020100\n0x0f0e0d0c0b0a0908\n"
    );
}

#[test]
fn a_field_is_padded_to_its_own_bits() {
    assert_eq!(printed("read WINDOW 0x10:7:4"), "0x1\n");
    assert_eq!(printed("read WINDOW 0x10:12:4 0x10:28"), "0x111\n0x1\n");
}

#[test]
fn json_is_an_object_a_place() {
    let text = printed("read WINDOW 0x10+8 0x8:15:8 --json");
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects[0]["values"], serde_json::json!(["0x13121110", "0x17161514"]));
    assert_eq!((&objects[0]["offset"], &objects[0]["width"]), (&16.into(), &32.into()));
    assert_eq!(objects[1]["field"], "15:8");
    assert_eq!(objects[1]["values"], serde_json::json!(["0x09"]));
}

#[test]
fn raw_is_the_bytes_themselves() {
    let done = Bench::new().run("read WINDOW 0x10 0x40 --width 16 --raw");
    assert_eq!(done.out, [0x10, 0x11, 0x40, 0x41]);
}

#[test]
fn byte_order_changes_values_but_not_bytes() {
    assert_eq!(printed("read WINDOW 0x10 --endian big"), "0x10111213\n");
    assert_eq!(printed("read WINDOW 0x10:31:24 --endian big"), "0x10\n");
    let done = Bench::new().run("dump WINDOW 0x10+8 --raw --endian big");
    assert_eq!(done.out, (0x10..0x18).collect::<Vec<u8>>());
    let done = Bench::new().run("read WINDOW 0x10 --raw --endian big --width 64 --split lo-hi");
    assert_eq!(done.out, (0x10..0x18).collect::<Vec<u8>>());
}

#[test]
fn a_dump_has_rows_of_16_bytes_behind_their_offset() {
    let rows = "0x0010: 0x13121110 0x17161514 0x1b1a1918 0x1f1e1d1c\n0x0020: 0x23222120\n";
    assert_eq!(printed("dump WINDOW 0x10+20"), rows);
    assert_eq!(printed("dump WINDOW@0x30+4 --width 8"), "0x0000: 0x30 0x31 0x32 0x33\n");
    assert_eq!(printed("dump WINDOW").lines().count(), 1024);
}

#[test]
fn a_dump_loads_back_and_compares_equal_in_every_form() {
    for form in ["bin", "hex", "json", "mem", "other"] {
        for width in [8, 16, 32, 64] {
            let bench = Bench::new();
            let file = bench.path(&format!("dump.{form}"));
            let (before, file) = (bench.contents(), file.display());
            let run = |command: &str| {
                let done = bench.run(command);
                assert_eq!((done.status, done.error.as_str()), (Some(0), ""), "{command}");
            };
            run(&format!("dump WINDOW --width {width} -o {file}"));
            run("fill WINDOW 0+16K=0");
            assert_ne!(bench.contents(), before);
            run(&format!("load WINDOW {file} --width {width}"));
            assert_eq!(bench.contents(), before, "{form} {width}");
            run(&format!("compare WINDOW {file} --width {width}"));
        }
    }
}

#[test]
fn hex_and_json_files_carry_their_width_and_json_its_offset() {
    let bench = Bench::new();
    for form in ["hex", "json"] {
        let file = bench.path(&format!("dump.{form}"));
        let file = file.display();
        assert_eq!(
            bench.run(&format!("dump WINDOW 0x100+32 --width 16 -o {file}")).status,
            Some(0)
        );
        let at = if form == "hex" { "0x100" } else { "" };
        let done = bench.run(&format!("compare WINDOW {file} {at} --dry-run"));
        assert!(done.text().starts_with("R addr 0x100 data ? size 2\n"), "{}", done.text());
        assert_eq!(done.text().lines().count(), 16);
    }
}

#[test]
fn a_dump_to_readmemh_is_one_word_a_line() {
    let bench = Bench::new();
    let file = bench.path("dump.hex");
    bench.run(&format!("dump WINDOW 0+8 -o {}", file.display()));
    assert_eq!(fs::read_to_string(file).unwrap(), "03020100\n07060504\n");
}

#[test]
fn a_difference_is_printed_and_ends_with_1() {
    let bench = Bench::new();
    let file = bench.path("dump.bin");
    let file = file.display();
    bench.run(&format!("dump WINDOW -o {file}"));
    bench.run("write WINDOW 0x20=1 0x3ffc=2");
    let done = bench.run(&format!("compare WINDOW {file}"));
    let expected = "0x20: window 0x00000001, file 0x23222120\n\
                    0x3ffc: window 0x00000002, file 0xfffefdfc\n2 of 4096 elements differ\n";
    assert_eq!((done.status, done.text(), done.error.as_str()), (Some(1), expected, ""));
    let done = bench.run(&format!("compare WINDOW {file} --json"));
    let first: serde_json::Value =
        serde_json::from_str(done.text().lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        serde_json::json!({"offset": 32, "window": "0x00000001", "file": "0x23222120"})
    );
}

#[test]
fn what_reads_back_as_it_was_written_is_verified_silently() {
    assert_eq!(printed("write WINDOW 0x0=1,2,3 --verify"), "");
    assert_eq!(printed("fill WINDOW 0x10+64=0x55 --verify --width 8"), "");
}

#[test]
fn standard_input_can_be_the_file() {
    let bench = Bench::new();
    let done = assert_cmd::Command::cargo_bin("busprobe")
        .unwrap()
        .args(bench.words("load WINDOW - 0x40"))
        .write_stdin([1, 0, 0, 0, 2, 0, 0, 0])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(bench.contents()[0x40..0x48], [1, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn a_dump_survives_a_window_that_ends_early() {
    let bench = Bench::new();
    let length = 4 << 20;
    fs::write(bench.window(), vec![0x11; length]).unwrap();
    let mut dump = Command::new(assert_cmd::cargo::cargo_bin("busprobe"))
        .args(bench.words("dump WINDOW --raw --width 64"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Once its first bytes are here the window is mapped; the pipe takes too few for it to be far.
    let mut out = vec![0; 1];
    let mut pipe = dump.stdout.take().unwrap();
    pipe.read_exact(&mut out).unwrap();
    fs::File::options().write(true).open(bench.window()).unwrap().set_len(2 << 20).unwrap();
    pipe.read_to_end(&mut out).unwrap();
    let done = dump.wait_with_output().unwrap();
    assert_eq!(out.len(), length);
    assert!(out[..2 << 20].iter().all(|byte| *byte == 0x11));
    assert!(out[2 << 20..].iter().all(|byte| *byte == 0xff));
    let error = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2));
    assert!(
        error.starts_with("busprobe: 262144 reads failed, the last at offset 0x3ffff8, the first: SIGBUS on a 64-bit read at offset 0x200000, after 262144 completed"),
        "{error}"
    );
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn a_closed_pipe_ends_a_dump_in_one_line() {
    let bench = Bench::new();
    fs::write(bench.window(), vec![0; 4 << 20]).unwrap();
    let mut dump = Command::new(assert_cmd::cargo::cargo_bin("busprobe"))
        .args(bench.words("dump WINDOW"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(dump.stdout.take());
    let done = dump.wait_with_output().unwrap();
    let error = String::from_utf8(done.stderr).unwrap();
    assert_eq!((done.status.code(), error.lines().count()), (Some(2), 1), "{error}");
}

/// What a command shows on a terminal, which script(1) of util-linux makes.
fn shown(bench: &Bench, command: &str) -> String {
    let program = assert_cmd::cargo::cargo_bin("busprobe");
    let words = bench.words(command).join(" ");
    let shown = Command::new("script")
        .args(["-qec", &format!("{} {words}", program.display()), "/dev/null"])
        .stdin(Stdio::null())
        .output()
        .expect("script is missing: apt-get install bsdutils");
    assert!(shown.status.success());
    String::from_utf8(shown.stdout).unwrap()
}

#[test]
fn a_long_dump_shows_its_progress_on_a_terminal_and_a_short_one_does_not() {
    let bench = Bench::new();
    let output = bench.path("dump.bin");
    let dump = format!("dump WINDOW -o {}", output.display());
    assert_eq!(shown(&bench, &dump), "");
    fs::write(bench.window(), vec![0; 8 << 20]).unwrap();
    let progress = shown(&bench, &dump);
    assert!(progress.contains("2097152 reads") && progress.contains('%'), "{progress:?}");
    assert_eq!(bench.run(&dump).error, "");
}
