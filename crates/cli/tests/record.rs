//! `busprobe record` takes what a recorder core recorded; the core is a simulated device here, and
//! `hdl/` holds its model to the real one.

use std::path::PathBuf;

use assert_cmd::Command;

/// A recorder of a 32-bit link that has one more record after each write to CONTROL: the write of
/// 0xdeadbeef to 0x43c00010, in 3 cycles of 10 ns.
const RECORDER: &str = "
    length   4K
    register 0x00 ro reset=0x42505231
    register 0x04 ro reset=0x00102020
    register 0x08 ro reset=1024
    register 0x0c ro reset=100000000
    register 0x10 rw
    register 0x14 ro
    register 0x18 rc                   # LEVEL
    register 0x1c ro reset=0           # LOST
    register 0x20 rw
    register 0x24 rw
    register 0x28 rw reset=0xffffffff
    register 0x2c rw reset=0xffffffff
    fifo     0x40 depth=64
    when     write 0x10 put 0x18 1
    when     write 0x10 put 0x40 0x00000f03
    when     write 0x10 put 0x40 0x43c00010
    when     write 0x10 put 0x40 0
    when     write 0x10 put 0x40 0xdeadbeef
    when     write 0x10 put 0x40 0
    when     write 0x10 put 0x40 7
    when     write 0x10 put 0x40 10
    when     write 0x10 put 0x40 0
";

struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    fn new(device: &str) -> Self {
        let sample = Sample { directory: tempfile::tempdir().unwrap() };
        std::fs::write(sample.path("recorder"), device).unwrap();
        sample
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `busprobe record sim:recorder ARGUMENTS` there and returns its exit status and what it
    /// said.
    fn record(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::cargo_bin("busprobe")
            .unwrap()
            .current_dir(self.directory.path())
            .args(["record", "sim:recorder"])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

#[test]
fn what_was_recorded_is_text_on_standard_output() {
    let (status, out, error) = Sample::new(RECORDER).record(&["--disarm"]);
    assert_eq!(out, "W addr 0x43c00010 data 0xdeadbeef size 4\n");
    assert_eq!((status, error.as_str()), (0, "busprobe: sim:recorder: 1 transaction\n"));
}

#[test]
fn without_a_word_nothing_is_written_to_the_recorder() {
    let (status, out, error) = Sample::new(RECORDER).record(&[]);
    assert_eq!((status, out.as_str()), (0, ""), "a write would have made a record");
    assert_eq!(error, "busprobe: sim:recorder: 0 transactions\n");
}

#[test]
fn what_is_recorded_while_a_command_runs_is_a_trace() {
    let sample = Sample::new(RECORDER);
    let command =
        ["--only", "0x43c00000+4K", "-o", "bus.jsonl", "--", "sh", "-c", "echo ran; exit 3"];
    let (status, out, error) = sample.record(&command);
    assert_eq!((status, out.as_str()), (3, "ran\n"), "the command's own");
    assert_eq!(error, "busprobe: sim:recorder: 2 transactions\n", "one at arming, one at the end");
    let trace = std::fs::read_to_string(sample.path("bus.jsonl")).unwrap();
    let lines: Vec<&str> = trace.lines().collect();
    assert!(lines[0].contains(r#""level":"bus","capture":"recorder""#), "{}", lines[0]);
    assert!(lines[1].contains(r#""base":1136656384,"length":4096"#), "{}", lines[1]);
    assert_eq!(
        lines[2],
        r#"{"t":"access","seq":0,"dir":"W","window":0,"offset":16,"size":4,"data":"0xdeadbeef","thread":0,"time_ns":30}"#
    );
    assert_eq!(lines.len(), 4);
}

#[test]
fn without_a_file_a_commands_transactions_go_to_standard_error() {
    let (_, out, error) = Sample::new(RECORDER).record(&["--", "echo", "ran"]);
    assert_eq!(out, "ran\n");
    assert_eq!(error.matches("W addr 0x43c00010 data 0xdeadbeef size 4\n").count(), 2);
}

#[test]
fn arming_reads_no_record() {
    let (status, out, error) = Sample::new(RECORDER).record(&["--arm", "--no-reads"]);
    assert_eq!((status, out.as_str(), error.as_str()), (0, "", ""));
}

#[test]
fn a_full_memory_is_said() {
    let full = RECORDER.replace("reset=0           # LOST", "reset=5           # LOST");
    let (status, out, _) = Sample::new(&full).record(&["--disarm"]);
    assert_eq!(status, 0);
    assert!(out.contains("LOSS the recorder had no room: 5 transactions of the link"), "{out}");
}

#[test]
fn trouble_is_one_line_and_runs_no_command() {
    let memory = Sample::new("length 4K\nmemory 0+4K\n");
    let (status, out, error) = memory.record(&["--", "echo", "ran"]);
    assert_eq!((status, out.as_str()), (2, ""));
    assert!(error.starts_with("busprobe: sim:recorder: no recorder core here"), "{error}");

    let (status, _, error) = Sample::new(RECORDER).record(&["--only", "0x0+4K"]);
    assert_eq!(status, 2);
    assert!(error.contains("give --only, --no-reads and --no-writes with --arm"), "{error}");

    let (status, _, error) = Sample::new(RECORDER).record(&["--only", "5G+4", "--arm"]);
    assert_eq!(status, 2);
    assert!(error.contains("is not within the link's addresses"), "{error}");

    let (status, _, error) = Sample::new(RECORDER).record(&["--", "./no-such-program"]);
    assert_eq!(status, 2);
    assert!(error.contains("./no-such-program: No such file"), "{error}");

    let (status, out, error) = Sample::new(RECORDER).record(&["-o", "no/x", "--", "echo", "ran"]);
    assert_eq!((status, out.as_str()), (2, ""), "{error}");
}
