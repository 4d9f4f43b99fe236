//! `busprobe trace` runs a program as it is, and says what it put on the bus.

use std::path::PathBuf;

use assert_cmd::Command;

struct Sample {
    directory: tempfile::TempDir,
}

impl Sample {
    fn new() -> Self {
        let sample = Sample { directory: tempfile::tempdir().unwrap() };
        std::fs::write(sample.path("window"), vec![0; 4096]).unwrap();
        sample
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs `busprobe ARGUMENTS` there and returns its exit status and what it said.
    fn busprobe(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::cargo_bin("busprobe")
            .unwrap()
            .current_dir(self.directory.path())
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

fn python(statement: &str) -> String {
    format!(
        "import mmap, os\nmm = mmap.mmap(os.open('window', os.O_RDWR), 4096)\n\
         mv32 = memoryview(mm).cast('I')\n{statement}"
    )
}

#[test]
fn the_accesses_come_as_text_and_then_the_verdict() {
    let program = python("print('hello'); mv32[2] = 0x11223344");
    let trace = ["trace", "--watch", "window", "--", "python3", "-c", &program];
    let (status, out, error) = Sample::new().busprobe(&trace);
    assert_eq!((status, out.as_str()), (0, "hello\n"));
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines[0].starts_with("W addr 0x8 data 0x11223344 size 4   "), "{error}");
    assert!(lines[0].ends_with("   <string>:4"), "{error}");
    assert_eq!(lines[1], "busprobe: window: 1 write for 1 word: exact");
    assert_eq!(lines.len(), 2, "{error}");
}

#[test]
fn a_slice_assignment_is_shown_with_its_cause_and_its_remedy() {
    let block = "mv32[0:4] = memoryview(bytes(range(16))).cast('I')";
    let program = python(&format!("def main():\n    {block}\nmain()"));
    let trace = ["trace", "--watch", "window", "--", "python3", "-c", &program];
    let (_, _, error) = Sample::new().busprobe(&trace);
    assert!(error.contains("8 writes for 4 words: every word written twice"), "{error}");
    assert!(error.contains("  made by libc.so.6 "), "{error}");
    assert!(error.contains(" from <string>:5 in main: "), "{error}");
    assert!(error.contains("write instead: busprobe.view(mm, \"I\")[0:4] = data"), "{error}");
}

#[test]
fn a_trace_file_is_judged_by_check() {
    let sample = Sample::new();
    let program = python("mv32[0:4] = memoryview(bytes(range(16))).cast('I')");
    let trace = ["trace", "--watch", "window", "-o", "t.jsonl", "--", "python3", "-c", &program];
    let (status, _, error) = sample.busprobe(&trace);
    assert_eq!(status, 0);
    assert!(!error.contains("W addr"), "{error}");
    let (status, out, _) = sample.busprobe(&["check", "t.jsonl", "--intent", "W 0x0 4x32"]);
    assert_eq!((status, out.as_str()), (1, "8 writes for 4 words: every word written twice\n"));
}

#[test]
fn the_exit_status_is_the_programs() {
    let sample = Sample::new();
    let run = |command: &[&str]| {
        sample.busprobe(&[&["trace", "--watch", "window", "--"], command].concat()).0
    };
    assert_eq!(run(&["sh", "-c", "exit 7"]), 7);
    assert_eq!(run(&["sh", "-c", "kill -TERM $$"]), 128 + 15);
    assert_eq!(run(&["true"]), 0);
}

#[test]
fn a_program_that_leaves_the_window_alone_is_said_to() {
    let trace = ["trace", "--watch", "window", "--", "true"];
    let (_, _, error) = Sample::new().busprobe(&trace);
    assert_eq!(error, "busprobe: nothing touched window\n");
}

#[test]
fn a_program_of_which_a_filter_dropped_all_is_not_said_to_leave_the_window_alone() {
    let program = python("mv32[2] = 1");
    let trace = ["trace", "--watch", "window", "--only", "reads", "--", "python3", "-c", &program];
    let (_, _, error) = Sample::new().busprobe(&trace);
    let said = "busprobe: window: no access was recorded, and not seen: what was filtered out";
    assert!(error.lines().last().is_some_and(|last| last.starts_with(said)), "{error}");
}

#[test]
fn trouble_is_one_line_and_ends_with_2() {
    let sample = Sample::new();
    for (arguments, expected) in [
        (&["--watch", "window", "--", "no-such-program"][..], "no-such-program: command not found"),
        (&["--watch", "none", "--", "true"], "No such file"),
        (&["--watch", "file:window@4K+4K", "--", "true"], "is not within the file"),
        (&["--watch", "file:window@0x2+4", "--", "true"], "misaligned window"),
        (&["--watch", "window", "-o", "no/such/t", "--", "true"], "no/such/t: No such file"),
        (&["--watch", "mem:zero", "--", "true"], "mem:ADDRESS+LENGTH"),
    ] {
        let (status, out, error) = sample.busprobe(&[&["trace"], arguments].concat());
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let (status, _, error) = sample.busprobe(&["trace", "--watch", "window"]);
    assert_eq!(status, 2);
    assert!(error.contains("<COMMAND>"), "{error}");
}

#[test]
fn callers_are_recorded_when_they_are_asked_for() {
    let sample = Sample::new();
    let program = python("mv32[0:4] = memoryview(bytes(range(16))).cast('I')");
    let trace = ["trace", "--stack", "--watch", "window"];
    let command = ["--", "python3", "-c", &program];
    let (status, _, error) = sample.busprobe(&[&trace[..], &command].concat());
    assert_eq!(status, 2);
    assert!(error.contains("--output <FILE>"), "{error}");

    let (status, _, error) = sample.busprobe(&[&trace[..], &["-o", "t.jsonl"], &command].concat());
    assert_eq!(status, 0, "{error}");
    let (_, page, _) = sample.busprobe(&["explain", "t.jsonl"]);
    assert!(page.contains("called by  ") && page.contains(" __libc_start_main"), "{page}");
}
