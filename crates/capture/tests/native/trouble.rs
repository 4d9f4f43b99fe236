//! What goes wrong, and what is said of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use busprobe_capture::Watch;
use busprobe_capture::native::{Capture, Error};
use busprobe_trace::Trace;

use crate::program::{Bench, Full};

fn error(capture: Capture) -> Error {
    let mut trace = Trace::new(Capture::header());
    capture.run(&mut trace).expect_err("this capture cannot be made")
}

#[test]
fn a_command_that_is_not_there_is_named() {
    let error = error(Bench::new().capture(["no-such-command-anywhere"]));
    assert_eq!(error.to_string(), "no-such-command-anywhere: command not found");
}

#[test]
fn no_command_is_an_error() {
    let error = error(Bench::new().capture::<String>([]));
    assert_eq!(error.to_string(), "no command to run: give one after `--`");
}

#[test]
fn a_file_to_watch_that_is_not_there_is_named() {
    let capture = Capture::new(["true"]).watch(Watch::file("/nowhere/win.bin", 0..4));
    let error = error(capture).to_string();
    assert_eq!(error, "cannot watch /nowhere/win.bin: No such file or directory (os error 2)");
}

#[test]
fn a_file_that_is_no_program_is_said_to_be_none() {
    let bench = Bench::new();
    let path = bench.path("text");
    fs::write(&path, "neither a script nor a program").expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    let message = error(bench.capture([&path])).to_string();
    assert_eq!(message, format!("cannot run {}: Exec format error (os error 8)", path.display()));
}

#[test]
fn a_32_bit_program_is_refused() {
    let bench = Bench::new();
    let path = bench.path("old");
    fs::write(&path, b"\x7fELF\x01\x01\x01").expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    assert!(matches!(error(bench.capture([&path])), Error::Not64Bit { .. }));
}

#[test]
fn the_exit_status_is_passed_on() {
    let bench = Bench::new();
    let status = |body: &str| bench.trace(body).outcome.status;
    assert_eq!(status("int main() { return 42; }"), 42);
    assert_eq!(status("int main() { kill(getpid(), SIGTERM); }"), 128 + libc::SIGTERM);
    assert_eq!(status("int main() { *(volatile int *)16 = 0; }"), 128 + libc::SIGSEGV);
}

#[test]
fn a_sink_that_is_full_does_not_stop_the_program() {
    let bench = Bench::new();
    let program = bench.compile(
        "int main(int c, char **v) { window(v); for (int i = 0; i < 100; i++) w[i] = i; return 4; }",
        &[],
    );
    let outcome = bench
        .capture([program, bench.window()])
        .run(&mut Full(10))
        .expect("the program can be traced");
    assert_eq!(outcome.status, 4);
    let error = outcome.sink_error.expect("the sink's error is told");
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(crate::program::words(&bench.window())[99], 99);
}
