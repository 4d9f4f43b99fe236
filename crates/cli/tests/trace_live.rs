//! Filters, marks and triggers, programs that run already, and the ways in which a trace ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const NOBODY: u32 = 65534;

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        fs::write(bench.path("window"), vec![0; 4096]).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_busprobe"));
        command.current_dir(self.folder.path()).args(arguments);
        on_hangup(&mut command, libc::SIG_DFL);
        command
    }

    fn busprobe(&self, arguments: &[&str]) -> (i32, String) {
        ended(self.command(arguments).output().unwrap())
    }

    /// Traces statements of Python that have the window's words in `mv32`.
    fn python(&self, options: &[&str], statements: &str) -> (i32, String) {
        let program = format!("{PRELUDE}{statements}");
        let words = [&["trace", "--watch", "window"], options, &["--", "python3", "-c", &program]];
        self.busprobe(&words.concat())
    }

    /// Starts a program that prints a line when it is ready, and waits for that.
    fn start(&self, statements: &str) -> Running {
        let child = Command::new("python3")
            .args(["-c", &format!("{PRELUDE}{statements}")])
            .current_dir(self.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Running::wait_for_line(child)
    }
}

const PRELUDE: &str = "\
import ctypes, mmap, os, sys, time
mm = mmap.mmap(os.open('window', os.O_RDWR), 4096)
mv32 = memoryview(mm).cast('I')
prctl = ctypes.CDLL(None).prctl
def mark(text):
    signature = ctypes.c_ulong(0x6275736d61726b21)
    prctl(0x62757370, text.encode(), ctypes.c_ulong(len(text)), signature, signature)
";

/// What the command finds set for SIGHUP, whatever these tests were started by.
fn on_hangup(command: &mut Command, action: libc::sighandler_t) {
    // SAFETY: signal(2) may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGHUP, action);
            Ok(())
        });
    }
}

fn ended(output: Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

struct Running(Child);

impl Running {
    fn wait_for_line(mut child: Child) -> Running {
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Running(child)
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args(["-s", signal, &self.pid()]).status().unwrap();
        assert!(status.success());
    }

    fn state(&self) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        status.lines().find(|line| line.starts_with("TracerPid")).unwrap().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is so; what it is, for the one who waits in vain.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn accesses(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| line.contains("\"t\":\"access\"")).count()
}

#[test]
fn marks_cut_the_program_into_operations() {
    let (_, error) =
        Bench::new().python(&[], "mark('reset'); mv32[0] = 1; mark('go'); mv32[1] = 2");
    assert!(error.contains("MARK reset\nW addr 0x0"), "{error}");
    assert!(error.contains("reset: 1 write for 1 word: exact"), "{error}");
    assert!(error.contains("go: 1 write for 1 word: exact"), "{error}");
}

/// `os.getsid` of Python calls the function of that name of libc.
const STEPS: &str =
    "mv32[0] = 1; os.getsid(0); mv32[1] = 2; os.getsid(0); mv32[2] = 3; mv32[3] = 4";

#[test]
fn a_function_of_the_program_is_a_mark_and_cuts_it_into_operations() {
    let bench = Bench::new();
    let (status, error) = bench.python(&["--mark-on", "libc:getsid=step"], STEPS);
    assert!(error.contains("MARK step\nW addr 0x4"), "{error}");
    assert!(error.contains("MARK step\nW addr 0x8"), "{error}");
    assert!(error.contains("step: 1 write for 1 word: exact"), "{error}");
    assert!(error.contains("step: 2 writes for 2 words: exact"), "{error}");
    assert_eq!(status, 0);
    // A trigger takes it as any other mark, and so does a comparison.
    let options = ["--mark-on", "getsid", "--start-at", "mark:getsid", "-o", "a.jsonl"];
    assert_eq!(bench.python(&options, STEPS).0, 0);
    assert_eq!(accesses(&bench.path("a.jsonl")), 3);
    let others = STEPS.replace("mv32[3] = 4", "mv32[3] = 5");
    bench.python(&["--mark-on", "getsid", "-o", "b.jsonl"], &others);
    let diff = bench.command(&["diff", "a.jsonl", "b.jsonl"]).output().unwrap();
    let text = String::from_utf8(diff.stdout).unwrap();
    assert!(diff.status.code() == Some(1) && text.contains("\n@@ getsid, "), "{text}");
}

#[test]
fn a_function_that_is_nowhere_is_said_with_its_likes() {
    let bench = Bench::new();
    let (status, error) = bench.python(&["--mark-on", "getsidd", "-o", "t.jsonl"], "mv32[0] = 1");
    assert_eq!(status, 0);
    let said = "busprobe: no mark on getsidd: no module has such a function; there is get";
    assert!(error.contains(said) && error.contains("getsid"), "{error}");
}

#[test]
fn a_function_of_a_running_program_is_marked_and_one_that_is_not_there_is_said_at_once() {
    let bench = Bench::new();
    let program = bench
        .start("print('ready', flush=True)\nwhile True: os.getsid(0); mv32[0] = 1; mv32[1] = 2");
    let options = ["--pid", &program.pid(), "--mark-on", "getsid", "--mark-on", "libm:getsid"];
    let words = [&["trace", "--watch", "window", "--limit", "6"], &options[..]].concat();
    let (status, error) = bench.busprobe(&words);
    let lines: Vec<&str> = error.lines().collect();
    let said = "busprobe: no mark on getsid: ";
    assert!(lines[0].starts_with(said) && error.matches(said).count() == 1, "{error}");
    assert!(error.contains("MARK getsid\nW addr 0x0"), "{error}");
    assert!(error.contains("getsid: 2 writes for 2 words: exact"), "{error}");
    assert_eq!(status, 0);
    assert!(program.state().ends_with('0') && program.0.id() > 0);
}

#[test]
fn what_a_filter_drops_is_counted_and_keeps_the_verdict_from_silence() {
    let bench = Bench::new();
    let options = ["--only", "writes", "--range", "0x4+4", "-o", "t.jsonl"];
    bench.python(&options, "mv32[0] = 1; mv32[1] = 2; x = mv32[1]");
    assert_eq!(accesses(&bench.path("t.jsonl")), 1);
    let text = fs::read_to_string(bench.path("t.jsonl")).unwrap();
    assert!(text.contains("\"selection\":\"--range 0x4..0x8 --only writes\""), "{text}");
    let (status, _) = bench.busprobe(&["check", "t.jsonl"]);
    assert_eq!(status, 1);
    // A filter that dropped nothing is no loss.
    bench.python(&["--only", "writes", "-o", "u.jsonl"], "mv32[0] = 1");
    assert_eq!(bench.busprobe(&["check", "u.jsonl"]).0, 0);
}

#[test]
fn a_trace_lasts_from_its_start_to_its_stop() {
    let options = ["--start-at", "mark:go", "--stop-at", "W 0x8=0x3"];
    let (status, error) = Bench::new().python(
        &options,
        "mv32[0] = 1; mark('go'); mv32[1] = 2; mv32[2] = 4; mv32[2] = 3; mv32[3] = 5; sys.exit(9)",
    );
    let lines: Vec<&str> = error.lines().filter(|line| line.starts_with("W addr")).collect();
    let places: Vec<&str> =
        lines.iter().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!((status, &places[..]), (9, &["0x4", "0x8", "0x8"][..]), "{error}");
}

#[test]
fn at_its_limit_a_trace_ends_and_the_program_runs_on_to_its_own_end() {
    let bench = Bench::new();
    let statements = "for i in range(200): mv32[i] = i\nassert mv32[199] == 199\n\
sys.exit(6)";
    let (status, error) = bench.python(&["--limit", "10", "-o", "t.jsonl"], statements);
    assert_eq!(status, 6, "{error}");
    assert_eq!(accesses(&bench.path("t.jsonl")), 10);
    let bytes = fs::read(bench.path("window")).unwrap();
    assert_eq!(bytes[199 * 4], 199);
}

#[test]
fn ctrl_c_lets_go_of_a_program_that_was_attached_to() {
    let bench = Bench::new();
    let program = bench.start(
        "print('ready', flush=True)
i = 0
while not os.path.exists('stop'):
    mv32[0] = i; assert mv32[0] == i; i = (i + 1) & 0xffff; time.sleep(0.001)",
    );
    for signal in ["INT", "TERM", "HUP"] {
        let trace = bench.path("t.jsonl");
        let _ = fs::remove_file(&trace);
        let pid = program.pid();
        let mut capture =
            bench.command(&["trace", "--watch", "window", "-o", "t.jsonl", "--pid", &pid]);
        let capture = Running(capture.stderr(Stdio::piped()).spawn().unwrap());
        wait_until("something is recorded", || accesses(&trace) > 20);
        capture.signal(signal);
        let mut capture = capture;
        let mut error = String::new();
        capture.0.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        let status = capture.0.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{signal}: {error}");
        assert!(error.contains(&format!("let go of process {pid}, which runs on")), "{error}");
        assert_eq!(program.state(), "TracerPid:\t0");
    }
    fs::write(bench.path("stop"), "").unwrap();
    let mut program = program;
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn under_nohup_a_hangup_is_not_the_end() {
    let bench = Bench::new();
    let program = format!("{PRELUDE}print('ready', flush=True)\nsys.stdin.read()\nmv32[0] = 7");
    let words = ["trace", "--watch", "window", "-o", "t.jsonl", "--", "python3", "-c", &program];
    let mut command = bench.command(&words);
    on_hangup(&mut command, libc::SIG_IGN);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut capture = Running::wait_for_line(child.spawn().unwrap());
    capture.signal("HUP");
    drop(capture.0.stdin.take());
    assert_eq!(capture.0.wait().unwrap().code(), Some(0));
    assert_eq!(accesses(&bench.path("t.jsonl")), 1);
}

#[test]
fn sigterm_or_ctrl_c_twice_ends_program_and_trace_and_leaves_the_trace_whole() {
    for signals in [&["TERM"][..], &["INT", "INT"]] {
        let bench = Bench::new();
        let statements =
            format!("{PRELUDE}i = 0\nwhile True:\n    mv32[0] = i; i = (i + 1) & 0xffff");
        let words =
            ["trace", "--watch", "window", "-o", "t.jsonl", "--", "python3", "-c", &statements];
        let capture = bench.command(&words).stderr(Stdio::null()).spawn().unwrap();
        let mut capture = Running(capture);
        wait_until("something is recorded", || accesses(&bench.path("t.jsonl")) > 20);
        for signal in signals {
            assert!(capture.0.try_wait().unwrap().is_none(), "one Ctrl-C is the program's");
            capture.signal(signal);
            std::thread::sleep(Duration::from_millis(300));
        }
        let status = capture.0.wait().unwrap().code();
        assert_eq!(status, Some(if signals.len() == 1 { 143 } else { 130 }));
        let text = fs::read_to_string(bench.path("t.jsonl")).unwrap();
        assert!(text.ends_with("}\n"));
    }
}

#[test]
fn a_trace_whose_busprobe_is_killed_is_readable_almost_to_the_end() {
    // The program waits, or keeps the capture busy with calls that are no accesses.
    for then in ["time.sleep(100)", "while True:\n    mmap.mmap(zero, 4096).close()"] {
        let bench = Bench::new();
        let statements = format!(
            "{PRELUDE}zero = os.open('/dev/zero', os.O_RDWR)\n\
             for i in range(50): mv32[0] = i\n{then}"
        );
        let words =
            ["trace", "--watch", "window", "-o", "t.jsonl", "--", "python3", "-c", &statements];
        let capture = bench.command(&words).stderr(Stdio::null()).spawn().unwrap();
        let capture = Running(capture);
        wait_until("all is in the file", || accesses(&bench.path("t.jsonl")) == 50);
        capture.signal("KILL");
        drop(capture);
        let (status, error) = bench.busprobe(&["check", "t.jsonl"]);
        assert_ne!(status, 2, "{error}");
        assert_eq!(accesses(&bench.path("t.jsonl")), 50);
    }
}

#[test]
fn a_full_disk_is_said_and_does_not_stop_the_program() {
    let bench = Bench::new();
    let options = ["-o", "/dev/full"];
    let (status, error) = bench.python(
        &options,
        "for i in range(3000): mv32[i & 1023] = i\nopen('ended', 'w').write('well')",
    );
    assert_eq!(status, 2, "{error}");
    let last = error.lines().last().unwrap();
    assert!(last.starts_with("busprobe: /dev/full: No space left on device"), "{error}");
    assert_eq!(fs::read_to_string(bench.path("ended")).unwrap(), "well");
}

#[test]
fn a_full_disk_lets_go_of_a_program_that_was_attached_to() {
    let bench = Bench::new();
    let program = bench.start(
        "print('ready', flush=True)
while not os.path.exists('stop'):
    for i in range(100): mv32[i] = i
    time.sleep(0.001)",
    );
    let pid = program.pid();
    let (status, error) =
        bench.busprobe(&["trace", "--watch", "window", "-o", "/dev/full", "--pid", &pid]);
    assert_eq!(status, 2, "{error}");
    assert_eq!(program.state(), "TracerPid:\t0");
    fs::write(bench.path("stop"), "").unwrap();
    let mut program = program;
    assert!(program.0.wait().unwrap().success());
}

#[test]
fn options_that_do_not_fit_are_refused_in_a_line() {
    let bench = Bench::new();
    for (options, expected) in [
        (&["--pid", "1", "--", "true"][..], "cannot be used with"),
        (&["--pid", "0"], "0 is not in 1.."),
        (&["--pid", "1", "--cpu", "max"], "cannot be used with"),
        (&["--range", "4", "--", "true"], "OFFSET+LENGTH or FROM..END"),
        (&["--range", "8..4", "--", "true"], "OFFSET+LENGTH or FROM..END"),
        (&["--only", "both", "--", "true"], "reads"),
        (&["--size", "0", "--", "true"], "1..=64"),
        (&["--start-at", "X 4", "--", "true"], "mark:TEXT"),
        (&["--stop-at", "W 0x4=", "--", "true"], "mark:TEXT"),
        (&["--limit", "0", "--", "true"], "1.."),
        (&["--mark-on", "Device::reset", "--", "true"], "mangled"),
        (&["--mark-on", "libc:", "--", "true"], "MODULE:SYMBOL"),
        (&["--mark-on", "f", "--cpu", "max", "--", "true"], "under QEMU"),
    ] {
        let words = [&["trace", "--watch", "window"], options].concat();
        let (status, error) = bench.busprobe(&words);
        assert_eq!(status, 2, "{options:?}: {error}");
        assert!(error.contains(expected), "{options:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn who_may_not_trace_is_told_why_and_what_to_do() {
    // SAFETY: always succeeds and touches no memory.
    if unsafe { libc::geteuid() } != 0 {
        skip::because("only root can run busprobe as another user");
        return;
    }
    let bench = Bench::new();
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    open(bench.folder.path());
    let own = bench.path("busprobe");
    fs::copy(env!("CARGO_BIN_EXE_busprobe"), &own).unwrap();
    open(&own);
    let as_nobody = |words: &[&str]| {
        let mut command = Command::new(&own);
        command.current_dir(bench.folder.path()).args(words).uid(NOBODY).gid(NOBODY);
        ended(command.output().unwrap())
    };
    let (status, error) = as_nobody(&["trace", "--watch", "window", "--pid", "1"]);
    assert_eq!(status, 2);
    assert_eq!(
        error,
        "busprobe: the system does not permit attaching to process 1 (ptrace): it belongs to user \
         0; run busprobe as that user or as root\n"
    );
    let setuid = bench.path("setuid");
    fs::copy("/bin/true", &setuid).unwrap();
    fs::set_permissions(&setuid, fs::Permissions::from_mode(0o4755)).unwrap();
    let (status, error) = as_nobody(&["trace", "--watch", "window", "--", "./setuid"]);
    assert_eq!(status, 2);
    assert!(error.contains("setuid or setgid program") && error.contains("as root"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_window_that_is_not_there_is_said_before_anything_is_created() {
    let bench = Bench::new();
    let (status, error) = bench.busprobe(&["trace", "--watch", "none", "-o", "t", "--pid", "1"]);
    assert_eq!(status, 2);
    assert!(error.contains("No such file"), "{error}");
    assert!(File::open(bench.path("t")).is_err());
}
