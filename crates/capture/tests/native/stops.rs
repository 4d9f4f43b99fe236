//! How often a program stops for its accesses, and that it cannot tell where it is meanwhile.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::program::{Bench, Run, run};

/// `stops(what)` is how often the thread has stopped during that: each time is a context switch
/// that it was not forced to.
const STOPS: &str = r"
#define _GNU_SOURCE
#include <sys/resource.h>
static long switches(void) {
    struct rusage used;
    syscall(SYS_getrusage, 1 /* RUSAGE_THREAD */, &used);
    return used.ru_nvcsw;
}
#define STOPS(what) ({ long before = switches(); what; switches() - before; })
";

fn statements(statements: &str) -> Run {
    let body =
        format!("{STOPS}int main(int c, char **v) {{ window(v);\n{statements}\nreturn 0; }}");
    Bench::new().trace(&body).succeeded()
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_store_by_a_lone_thread_stops_it_once() {
    let run = statements(
        "w[0] = 1;
         long stops = STOPS(for (int i = 0; i < 1000; i++) w[i % 64] = i);
         CHECK(stops >= 1000 && stops < 1100);",
    );
    assert_eq!(run.lines().len(), 1001);
}

#[test]
fn a_load_stops_a_thread_twice() {
    let run = statements(
        "int sum = 0;
         long stops = STOPS(for (int i = 0; i < 1000; i++) sum += w[i % 64]);
         CHECK(sum == 0 && stops >= 1000 && stops < 2100);",
    );
    assert_eq!(run.lines().len(), 1000);
}

#[test]
fn what_touches_no_window_stops_a_thread_never() {
    statements(
        "char text[64];
         long stops = STOPS(for (int i = 0; i < 1000; i++) {
             sprintf(text, \"%d\", i); getppid(); lseek(fd, 0, SEEK_SET); read(fd, text, 8);
         });
         CHECK(stops < 50);",
    );
}

/// A handler that finds the registers as they are in the program itself.
#[cfg(target_arch = "x86_64")]
const HANDLER: &str = r"
static volatile long handled;
extern char etext;
static void look(int s, siginfo_t *i, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    CHECK((unsigned long)registers[REG_RIP] >> 40 != 0x2a);
    for (int r = REG_R8; r <= REG_RSP; r++)
        CHECK((unsigned long)registers[r] >> 39 != 0x55);
    w[1000] = ++handled;
}
";

#[cfg(target_arch = "x86_64")]
#[test]
fn a_signal_on_the_way_finds_the_program_where_it_was() {
    let body = format!(
        "{HANDLER}
         int main(int c, char **v) {{
             struct sigaction a = {{.sa_sigaction = look, .sa_flags = SA_SIGINFO | SA_RESTART}};
             sigaction(SIGALRM, &a, 0);
             window(v);
             w[0] = w[1000] = 0;
             struct itimerval often = {{{{0, 50}}, {{0, 50}}}}, never = {{{{0, 0}}, {{0, 0}}}};
             setitimer(ITIMER_REAL, &often, 0);
             uint32_t i = 0;
             while (handled < 2000 && i < 1000000) w[i % 64] = i, i++;
             setitimer(ITIMER_REAL, &never, 0);
             CHECK(handled > 10);
             return 0;
         }}"
    );
    let run = Bench::new().trace(&body).succeeded();
    let (mut stored, mut handled) = (0, 1);
    for line in run.lines().iter().skip(2) {
        if line.starts_with("W 0xfa0 ") {
            assert_eq!(*line, format!("W 0xfa0 4 {handled:#x}"));
            handled += 1;
        } else {
            assert_eq!(*line, format!("W {:#x} 4 {stored:#x}", stored % 64 * 4));
            stored += 1;
        }
    }
    assert_eq!(run.losses(), []);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_page_that_goes_away_under_a_store_is_told_of() {
    let run = Bench::new().trace(
        "static sigjmp_buf back;
         static siginfo_t told;
         static unsigned long pc;
         static void handler(int s, siginfo_t *i, void *context) {
             told = *i; pc = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
             siglongjmp(back, 1);
         }
         int main(int c, char **v) {
             struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
             sigaction(SIGBUS, &a, 0);
             window(v);
             w[4000] = 1; w[4000] = 2;
             ftruncate(fd, 4096);
             if (!sigsetjmp(back, 1)) { w[4000] = 3; return 96; }
             CHECK(told.si_addr == (void *)(w + 4000) && pc >> 40 != 0x2a);
             w[0] = 4;
             return 0;
         }",
    );
    let run = run.succeeded();
    assert_eq!(run.lines(), ["W 0x3e80 4 0x1", "W 0x3e80 4 0x2", "W 0x3e80 4 0x3", "W 0x0 4 0x4"]);
    let [(kind, detail)] = run.losses()[..] else { panic!("{:?}", run.losses()) };
    assert_eq!(kind, busprobe_trace::LossKind::Approximate);
    assert!(detail.starts_with("a store of 4 bytes that is in the trace ended in a signal"));
}

/// Stops and continues a process again and again, from outside.
fn disturb(id: &Path) {
    let signal = |name: &str, process: &str| {
        let _ = Command::new("kill")
            .args(["-s", name, process])
            .stderr(std::process::Stdio::null())
            .status();
    };
    for _ in 0..200 {
        thread::sleep(Duration::from_millis(2));
        let process = std::fs::read_to_string(id).unwrap_or_default();
        if !process.is_empty() {
            signal("STOP", &process);
            signal("CONT", &process);
        }
    }
}

#[test]
fn a_lone_thread_that_is_stopped_and_continued_loses_nothing() {
    let bench = Bench::new();
    let program = bench.compile(
        "int main(int c, char **v) {
             window(v);
             FILE *id = fopen(v[2], \"w\"); fprintf(id, \"%d\", getpid()); fclose(id);
             for (int i = 0; i < 20000; i++) w[i % 64] = i;
             unlink(v[2]);
             return 0;
         }",
        &[],
    );
    let id = bench.path("id");
    let disturber = thread::spawn({
        let id = id.clone();
        move || disturb(&id)
    });
    let run = run(bench.capture([program, bench.window(), id])).succeeded();
    disturber.join().expect("it ends");
    for (i, line) in run.lines().iter().enumerate() {
        assert_eq!(*line, format!("W {:#x} 4 {i:#x}", i % 64 * 4));
    }
    assert_eq!((run.lines().len(), run.losses()), (20000, vec![]));
}
