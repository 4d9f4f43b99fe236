//! Programs that run before the capture does, and after.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use busprobe_capture::native::{Capture, Error};
use busprobe_capture::{Selected, Selection, Watch};
use busprobe_trace::{Direction, Trace};

use crate::program::{Bench, LENGTH, Run};

/// A program that has said that it is ready, and ends when its standard input does.
pub(crate) struct Running {
    child: Child,
}

impl Running {
    /// Compiles and starts a program that calls `ready()` once and `is_on()` again and again.
    pub(crate) fn start(bench: &Bench, body: &str) -> Running {
        Running::start_built(bench, body, &[])
    }

    /// As [`Running::start`], with extra words for the compiler.
    pub(crate) fn start_built(bench: &Bench, body: &str, flags: &[&str]) -> Running {
        let helpers = "static void ready(void) { puts(\"ready\"); fflush(stdout); }
             static int is_on(void) {
                 fd_set set; FD_ZERO(&set); FD_SET(0, &set);
                 struct timeval now = {0}; return select(1, &set, 0, 0, &now) <= 0; }
             #include <sys/select.h>";
        let program = bench.compile(&format!("#include <sys/select.h>\n{helpers}\n{body}"), flags);
        let mut child = Command::new(program)
            .arg(bench.window())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.as_mut().expect("it was piped");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).expect("the program speaks");
        assert_eq!(line, "ready\n");
        Running { child }
    }

    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What is mapped where, and how.
    fn maps(&self) -> String {
        fs::read_to_string(format!("/proc/{}/maps", self.pid())).expect("it runs")
    }

    /// Traces it until so many accesses are recorded.
    fn trace(&self, bench: &Bench, limit: u64) -> Run {
        let selection = Selection { limit: Some(limit), ..Selection::default() };
        let mut trace = Trace::new(Capture::header());
        let mut sink = Selected::new(selection, &mut trace);
        let outcome = Capture::attach(self.pid())
            .watch(Watch::file(bench.window(), 0..LENGTH))
            .run(&mut sink)
            .expect("the program can be attached to");
        sink.finish().1.expect("a trace in memory takes all");
        assert!(outcome.let_go, "it ended: {outcome:?}");
        Run { trace, outcome }
    }

    /// Ends its input; it has to end well.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "the program was disturbed: {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn all_threads_of_a_running_program_are_recorded_and_let_go_as_they_were() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static void *stores(void *id) {
             for (uint32_t i = 0; is_on(); i++) {
                 w[(long)id * 16] = i; CHECK(w[(long)id * 16] == i); usleep(100); }
             return 0; }
         int main(int c, char **v) {
             window(v); close(fd);
             pthread_t threads[3];
             for (long i = 0; i < 3; i++) pthread_create(threads + i, 0, stores, (void *)i);
             usleep(10000);
             ready();
             for (long i = 0; i < 3; i++) pthread_join(threads[i], 0);
             return 0; }",
    );
    let before = running.maps();
    for _ in 0..5 {
        let run = running.trace(&bench, 200);
        assert_eq!(run.trace.accesses().count(), 200);
        assert!(run.trace.accesses().all(|access| access.data.is_some()));
        let mut threads: Vec<u32> = run.trace.accesses().map(|access| access.thread).collect();
        threads.sort_unstable();
        threads.dedup();
        assert_eq!(threads.len(), 3);
        assert_eq!(run.losses(), []);
        assert_eq!(running.maps().lines().collect::<Vec<_>>(), before.lines().collect::<Vec<_>>());
    }
    running.end();
}

#[test]
fn of_one_threads_accesses_none_is_missing_from_the_first_to_the_last() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "int main(int c, char **v) { window(v); ready();
             for (uint32_t i = 0; is_on(); i++) { w[0] = i; w[1] = ~i; } return 0; }",
    );
    let run = running.trace(&bench, 500);
    let values: Vec<u32> = run
        .writes()
        .map(|access| {
            let data = access.data.expect("a store's data is known");
            let value = u32::from_le_bytes(data.bytes().try_into().expect("4 bytes"));
            if access.offset == 0 { value } else { !value }
        })
        .collect();
    let stores: Vec<(u64, u32)> = run.writes().map(|access| access.offset).zip(values).collect();
    let is_next = |pair: &[(u64, u32)]| match pair {
        [(0, a), (4, b)] => a == b,
        [(4, a), (0, b)] => a + 1 == *b,
        _ => false,
    };
    assert!(stores.windows(2).all(is_next), "{stores:?}");
    running.end();
}

#[test]
fn windows_children_and_unmapping_are_followed() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "int main(int c, char **v) {
             window(v); ready();
             while (is_on()) {
                 w[0] = 1;
                 munmap((void *)w, 65536);
                 w = mmap(0, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                 w[1] = 2;
                 if (!fork()) { w[2] = 3; _exit(0); }
                 wait(0);
                 usleep(1000);
             }
             return 0; }",
    );
    let run = running.trace(&bench, 300);
    for (offset, own) in [(0, true), (4, true), (8, false)] {
        let count = run.writes().filter(|access| access.offset == offset).count();
        assert!((99..=101).contains(&count), "{offset:#x}: {count}");
        let mut of = run.writes().filter(|access| access.offset == offset);
        assert!(of.all(|access| (access.thread == running.pid() as u32) == own));
    }
    assert_eq!(run.losses(), []);
    running.end();
}

#[test]
fn handlers_masks_and_timers_stay_as_they_were() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static volatile int ticks, faults; static sigjmp_buf back;
         static void tick(int s) { ticks++; w[8] = ticks; }
         static void fault(int s) { faults++; siglongjmp(back, 1); }
         int main(int c, char **v) {
             window(v);
             signal(SIGALRM, tick); signal(SIGSEGV, fault);
             sigset_t blocked, now; sigemptyset(&blocked); sigaddset(&blocked, SIGUSR1);
             sigprocmask(SIG_BLOCK, &blocked, 0);
             struct itimerval timer = {{0, 1000}, {0, 1000}}; setitimer(ITIMER_REAL, &timer, 0);
             ready();
             int rounds = 0;
             while (is_on()) {
                 w[0] = ++rounds; CHECK(w[0] == rounds);
                 int before = faults;
                 if (!sigsetjmp(back, 1)) *(volatile int *)16 = 1;
                 CHECK(faults == before + 1);
             }
             sigprocmask(0, 0, &now);
             CHECK(sigismember(&now, SIGUSR1) && !sigismember(&now, SIGSEGV));
             struct sigaction kept; sigaction(SIGSEGV, 0, &kept);
             CHECK(kept.sa_handler == fault && ticks > 0);
             return 0; }",
    );
    for _ in 0..5 {
        let run = running.trace(&bench, 200);
        assert_eq!(run.trace.accesses().count(), 200);
    }
    running.end();
}

#[test]
fn a_call_that_waits_goes_on_waiting() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static int ends[2];
         static void *waits(void *x) {
             char byte; CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x'); return 0; }
         static void *sleeps(void *x) {
             struct timespec long_time = {1000, 0}, left;
             nanosleep(&long_time, &left); CHECK(0); }
         int main(int c, char **v) {
             window(v); pipe(ends);
             pthread_t waiter, sleeper; pthread_create(&waiter, 0, waits, 0);
             pthread_create(&sleeper, 0, sleeps, 0);
             usleep(10000);
             ready();
             while (is_on()) { w[0]++; usleep(100); }
             CHECK(write(ends[1], \"x\", 1) == 1);
             pthread_join(waiter, 0);
             exit(0); }",
    );
    running.trace(&bench, 20);
    running.trace(&bench, 20);
    running.end();
}

#[test]
fn a_read_into_the_window_that_waits_is_recorded_and_goes_on() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static int ends[2];
         static void *waits(void *x) {
             CHECK(read(ends[0], (void *)(w + 16), 4) == 4 && w[16] == 0x64636261); return 0; }
         int main(int c, char **v) {
             window(v); pipe(ends);
             pthread_t waiter; pthread_create(&waiter, 0, waits, 0);
             usleep(10000);
             ready();
             while (is_on()) { w[0]++; usleep(100); }
             CHECK(write(ends[1], \"abcd\", 4) == 4);
             pthread_join(waiter, 0);
             return 0; }",
    );
    let before = running.maps();
    running.trace(&bench, 20);
    assert_eq!(running.maps(), before);
    running.end();
}

/// `T (stopped)` and so on.
fn state(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let state = status.lines().find_map(|line| line.strip_prefix("State:\t"));
    state.expect("every process has one").to_owned()
}

#[test]
fn a_stopped_program_stays_stopped() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static void *stores(void *x) { while (is_on()) { w[1]++; usleep(100); } return 0; }
         int main(int c, char **v) {
             window(v); pthread_t t; pthread_create(&t, 0, stores, 0); ready();
             while (is_on()) { w[0]++; usleep(100); }
             pthread_join(t, 0); return 0; }",
    );
    let state = || state(running.pid());
    let kill = |signal| {
        // SAFETY: kill(2) touches no memory.
        assert_eq!(unsafe { libc::kill(running.pid(), signal) }, 0);
    };
    kill(libc::SIGSTOP);
    while !state().starts_with('T') {
        std::thread::yield_now();
    }
    let before = running.maps();
    // It makes no access: what ends the trace is that it goes on.
    let traced = std::thread::scope(|scope| {
        let traced = scope.spawn(|| running.trace(&bench, 10));
        while !state().starts_with('t') {
            std::thread::yield_now();
        }
        kill(libc::SIGCONT);
        traced.join().expect("it is traced")
    });
    assert_eq!(traced.trace.accesses().count(), 10);
    assert_eq!(running.maps(), before);
    running.end();
}

#[test]
fn threads_that_come_and_go_while_it_is_attached_to_are_all_found() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static void *store(void *x) { w[(long)x]++; return 0; }
         int main(int c, char **v) {
             window(v); ready();
             while (is_on()) {
                 pthread_t threads[4];
                 for (long i = 0; i < 4; i++) pthread_create(threads + i, 0, store, (void *)i);
                 for (long i = 0; i < 4; i++) pthread_join(threads[i], 0);
             }
             return 0; }",
    );
    for _ in 0..6 {
        assert_eq!(running.trace(&bench, 21).trace.accesses().count(), 21);
    }
    running.end();
}

#[test]
fn a_trace_ends_with_a_program_that_ends() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "int main(int c, char **v) { window(v); ready(); usleep(200000); w[0] = 1; return 3; }",
    );
    let mut trace = Trace::new(Capture::header());
    let outcome = Capture::attach(running.pid())
        .watch(Watch::file(bench.window(), 0..LENGTH))
        .run(&mut trace)
        .expect("the program can be attached to");
    assert!(!outcome.let_go);
    assert_eq!(
        trace.accesses().map(|access| access.direction).collect::<Vec<_>>(),
        [Direction::Write]
    );
    assert_eq!(trace.header.command[1], bench.window().to_str().expect("a plain path"));
    assert_eq!(outcome.status, 3);
}

fn error(pid: i32) -> Error {
    let mut trace = Trace::new(Capture::header());
    Capture::attach(pid).run(&mut trace).expect_err("this cannot be attached to")
}

#[test]
fn what_cannot_be_attached_to_is_told_apart() {
    let own = std::process::id() as i32;
    assert_eq!(
        error(own).to_string(),
        format!("cannot attach to process {own}: it is busprobe itself")
    );
    assert_eq!(
        error(i32::MAX).to_string(),
        format!("cannot attach to process {}: it is not there", i32::MAX)
    );
    let mut child = Command::new("true").spawn().expect("true is there");
    let pid = child.id() as i32;
    // Ended, and not waited for.
    while !state(pid).starts_with('Z') {
        std::thread::yield_now();
    }
    assert_eq!(error(pid).to_string(), format!("cannot attach to process {pid}: it has ended"));
    child.wait().expect("it has ended");
}

#[test]
fn a_thread_is_not_taken_for_its_process() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "static void *waits(void *x) { pause(); }
         int main(int c, char **v) {
             pthread_t t; pthread_create(&t, 0, waits, 0); ready(); while (is_on()) usleep(1000);
             exit(0); }",
    );
    let tasks = fs::read_dir(format!("/proc/{}/task", running.pid())).expect("it runs");
    let names = tasks.map(|entry| entry.expect("an entry").file_name().into_string().unwrap());
    let other = names.map(|name| name.parse().unwrap()).find(|tid| *tid != running.pid());
    let other = other.expect("it has two threads");
    assert_eq!(
        error(other).to_string(),
        format!(
            "cannot attach to {other}: it is a thread of process {}; attach to that",
            running.pid()
        )
    );
    running.end();
}

#[test]
fn a_process_has_one_tracer() {
    let bench = Bench::new();
    let running = Running::start(
        &bench,
        "int main(int c, char **v) { ready(); while (is_on()) usleep(1000); return 0; }",
    );
    // SAFETY: PTRACE_SEIZE touches no memory of this process.
    let seized = unsafe { libc::ptrace(libc::PTRACE_SEIZE, running.pid(), 0, 0) };
    assert_eq!(seized, 0);
    let message = error(running.pid()).to_string();
    let expected = format!("cannot attach to process {}: ", running.pid());
    assert!(message.starts_with(&expected) && message.contains("traces it already"), "{message}");
}

#[test]
fn a_program_that_ends_while_it_is_attached_to_is_no_trouble() {
    let bench = Bench::new();
    for wait in 0..10 {
        let mut child = Command::new("sleep").arg(format!("0.00{wait:02}")).spawn().expect("sleep");
        let mut trace = Trace::new(Capture::header());
        let traced = Capture::attach(child.id() as i32)
            .watch(Watch::file(bench.window(), 0..LENGTH))
            .run(&mut trace);
        match traced {
            Ok(outcome) => assert!(!outcome.let_go),
            Err(Error::NoProcess { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        // The capture, of this same process, may have heard of its end instead.
        let _ = child.wait();
    }
}
