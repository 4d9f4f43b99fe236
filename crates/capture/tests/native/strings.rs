//! Repeated string instructions: many accesses, one step, one record.
#![cfg(target_arch = "x86_64")]

use std::fs;

use busprobe_capture::Watch;
use busprobe_capture::native::Capture;
use busprobe_trace::{Access, Direction, LossKind, Record, Repeat, Sink};

use crate::program::Bench;

/// A sink that keeps the records as they come.
#[derive(Default)]
struct Kept(Vec<Record>);

impl Sink for Kept {
    fn put(&mut self, record: &Record) -> std::io::Result<()> {
        self.0.push(record.clone());
        Ok(())
    }
}

/// `rep` with these registers; they are in the same variables afterwards.
const PRELUDE: &str = r#"
#define REP(what, d, s, n, a) \
    asm volatile("rep " what : "+D"(d), "+S"(s), "+c"(n) : "a"(a) : "memory", "cc")
#define DOWN(what, d, s, n, a) \
    asm volatile("std\n rep " what "\n cld" : "+D"(d), "+S"(s), "+c"(n) : "a"(a) : "memory", "cc")
static char s[1 << 17];
static void fill(void) { for (int i = 0; i < sizeof s; i++) s[i] = i * 7 ^ i >> 8; }
"#;

/// `W 0x10 1x16384 ascending` and so on, one an access or a repeat.
fn records(body: &str) -> Vec<String> {
    let bench = Bench::new();
    let program = bench.compile(
        &format!(
            "{PRELUDE}int main(int c, char **v) {{
                 window(v); fill();
                 char *p = (char *)w, *d, *f = s; long n; long a = 0;
                 {body}
                 return 0;
             }}"
        ),
        &[],
    );
    let mut kept = Kept::default();
    let outcome = bench.capture([program, bench.window()]).run(&mut kept).expect("it is traced");
    assert_eq!(outcome.status, 0, "the traced program failed");
    let mut seq = 0;
    let mut lines = Vec::new();
    for record in kept.0 {
        let (first, count) = match &record {
            Record::Access(access) => (access, 1),
            Record::Repeat(repeat) => {
                assert_eq!(repeat.validate(), Ok(()));
                (&repeat.first, repeat.count)
            }
            Record::Loss(loss) => {
                lines.push(format!("LOSS {:?}", loss.kind));
                seq += 1;
                continue;
            }
            _ => continue,
        };
        assert_eq!(first.seq, seq, "numbers have no gaps");
        seq += u64::from(count);
        lines.push(line(&record));
    }
    lines
}

fn line(record: &Record) -> String {
    let data = |access: &Access| access.data.map_or("?".to_owned(), |data| format!("{data:#}"));
    let start = |access: &Access| {
        format!("{} {:#x} {}", access.direction.letter(), access.offset, access.size)
    };
    match record {
        Record::Access(access) => format!("{} {}", start(access), data(access)),
        Record::Repeat(repeat) => {
            let Repeat { first, count, step, bytes } = repeat;
            let data = if bytes.is_some() { "bytes".to_owned() } else { data(first) };
            format!("{} {data} count {count} step {step}", start(first))
        }
        _ => String::new(),
    }
}

#[test]
fn a_string_of_16_kib_is_one_record() {
    let lines = records(
        "d = p; n = 16384; REP(\"movsb\", d, f, n, a);
         CHECK(d == p + 16384 && f == s + 16384 && n == 0);
         d = p; n = 2048; a = 0x1122334455667788; REP(\"stosq\", d, f, n, a);
         CHECK(d == p + 16384 && n == 0);
         d = s; f = p; n = 4096; REP(\"movsl\", d, f, n, a);
         CHECK(d == s + 16384 && f == p + 16384 && !memcmp(s, &a, 8));",
    );
    let expected = [
        "W 0x0 1 bytes count 16384 step 1",
        "W 0x0 8 0x1122334455667788 count 2048 step 8",
        "R 0x0 4 bytes count 4096 step 4",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_bytes_of_a_string_are_those_that_came() {
    let bench = Bench::new();
    let program = bench.compile(
        &format!(
            "{PRELUDE}int main(int c, char **v) {{
                 window(v); fill();
                 char *d = (char *)w + 300 - 2, *f = s + 1000; long n = 100, a = 0;
                 DOWN(\"movsw\", d, f, n, a);
                 CHECK(d == (char *)w + 98 && f == s + 800 && n == 0);
                 return 0;
             }}"
        ),
        &[],
    );
    let mut trace = busprobe_trace::Trace::new(Capture::header());
    let outcome = bench.capture([program, bench.window()]).run(&mut trace).expect("it is traced");
    assert_eq!((outcome.status, outcome.accesses), (0, 100));
    let device = fs::read(bench.window()).expect("the watched file");
    let offsets: Vec<u64> = trace.accesses().map(|access| access.offset).collect();
    assert_eq!(offsets, (100..=298).rev().step_by(2).collect::<Vec<u64>>());
    for access in trace.accesses() {
        let at = access.offset as usize;
        assert_eq!(access.data.expect("known").bytes(), &device[at..at + 2]);
        assert_eq!(access.direction, Direction::Write);
    }
}

#[test]
fn a_string_that_descends_says_so() {
    let lines = records(
        "d = p + 31; n = 32; a = 9; DOWN(\"stosb\", d, f, n, a); CHECK(d == p - 1 && n == 0);
         d = s + 12; f = p + 12; n = 4; DOWN(\"movsl\", d, f, n, a);
         CHECK(d == s - 4 && f == p - 4 && *(int *)s == 0x09090909);",
    );
    let expected = ["W 0x1f 1 0x9 count 32 step -1", "R 0xc 4 0x9090909 count 4 step -4"];
    assert_eq!(lines, expected);
}

#[test]
fn a_string_of_nothing_is_no_access_and_one_of_one_is_one() {
    let lines = records(
        "d = p; n = 0; REP(\"movsb\", d, f, n, a); CHECK(d == p && f == s);
         n = 1; a = 5; REP(\"stosw\", d, f, n, a); CHECK(d == p + 2 && n == 0);",
    );
    assert_eq!(lines, ["W 0x0 2 0x5"]);
}

#[test]
fn a_string_that_loads_is_one_record_of_what_it_loaded() {
    let lines = records(
        "for (int i = 0; i < 64; i++) w[i] = i / 4;
         #define LODS(what) asm volatile(what : \"+S\"(f), \"+c\"(n), \"+a\"(a) :: \"memory\")
         f = p; n = 16; LODS(\"rep lodsl\"); CHECK(f == p + 64 && n == 0 && a == 3);
         f = p + 64 + 12; n = 4; LODS(\"std\\n rep lodsl\\n cld\"); CHECK(f == p + 60 && a == 4);
         f = p + 4; n = 2; LODS(\"rep lodsq\"); CHECK(a == 1l << 32);",
    );
    let expected = [
        "R 0x0 4 bytes count 16 step 4",
        "R 0x4c 4 0x4 count 4 step -4",
        "R 0x4 8 bytes count 2 step 8",
    ];
    assert_eq!(lines[64..], expected);
}

#[test]
fn a_string_that_looks_for_something_is_recorded_up_to_what_it_found() {
    let lines = records(
        "for (int i = 0; i < 5; i++) w[i] = 7 + i / 4;
         d = p; n = 100; a = 8;
         asm volatile(\"repne scasl\" : \"+D\"(d), \"+c\"(n) : \"a\"(a) : \"memory\", \"cc\");
         CHECK(d == p + 20 && n == 95);
         d = p; n = 100; a = 7; REP(\"scasl\", d, f, n, a); CHECK(d == p + 20 && n == 95);
         memset(s, 0, 20); *(int *)s = 7;
         d = s; f = p; n = 100; REP(\"cmpsl\", d, f, n, a);
         CHECK(d == s + 8 && f == p + 8 && n == 98);
         d = p; n = 100; a = 1; REP(\"scasb\", d, f, n, a); CHECK(d == p + 1 && n == 99);",
    );
    let found = "R 0x0 4 bytes count 5 step 4";
    assert_eq!(lines[5..], [found, found, "R 0x0 4 0x7 count 2 step 4", "R 0x0 1 0x7"]);
}

#[test]
fn a_comparison_of_window_and_window_reads_both_in_turns() {
    let lines = records(
        "w[0] = w[1] = w[16] = w[17] = 5; w[18] = 1;
         f = p; d = p + 64; n = 9; REP(\"cmpsl\", d, f, n, a); CHECK(n == 6);",
    );
    let expected = [
        "R 0x0 4 0x5",
        "R 0x40 4 0x5",
        "R 0x4 4 0x5",
        "R 0x44 4 0x5",
        "R 0x8 4 0x0",
        "R 0x48 4 0x1",
    ];
    assert_eq!(lines[5..], expected);
}

#[test]
fn a_string_that_loads_past_the_end_of_what_is_mapped_is_recorded_before_its_fault() {
    let run = Bench::new()
        .trace(
            "static sigjmp_buf back;
             static long rcx, rsi;
             static void handler(int s, siginfo_t *i, void *u) {
                 gregset_t *r = &((ucontext_t *)u)->uc_mcontext.gregs;
                 rcx = (*r)[REG_RCX]; rsi = (*r)[REG_RSI];
                 siglongjmp(back, 1);
             }
             int main(int c, char **v) {
                 struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
                 sigaction(SIGBUS, &a, 0);
                 window(v);
                 ftruncate(fd, 4096);
                 char *f = (char *)w + 4090; long n = 20, x;
                 if (!sigsetjmp(back, 1)) {
                     asm volatile(\"rep lodsb\" : \"+S\"(f), \"+c\"(n), \"=a\"(x) :: \"memory\");
                     return 96;
                 }
                 CHECK(rcx == 14 && rsi == (long)w + 4096);
                 return 0;
             }",
        )
        .succeeded();
    let offsets: Vec<u64> = run.trace.accesses().map(|access| access.offset).collect();
    assert_eq!(offsets, (4090..4096).collect::<Vec<u64>>());
    assert!(matches!(run.losses()[..], [(LossKind::Missed, _)]), "{:?}", run.losses());
}

#[test]
fn a_string_from_window_to_window_reads_and_writes_in_turns() {
    let lines = records("f = p; d = p + 64; n = 3; REP(\"movsq\", d, f, n, a);");
    let expected =
        ["R 0x0 8 ?", "W 0x40 8 ?", "R 0x8 8 ?", "W 0x48 8 ?", "R 0x10 8 ?", "W 0x50 8 ?"];
    assert_eq!(lines, expected);
}

#[test]
fn a_string_that_leaves_the_window_goes_on_in_ordinary_memory() {
    let lines = records(
        "char *all = mmap(0, 3 * 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
         p = mmap(all + 65536, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
         mprotect(all, 65536, PROT_READ | PROT_WRITE);
         mprotect(all + 2 * 65536, 65536, PROT_READ | PROT_WRITE);
         d = p + 65536 - 4; n = 8; a = 1; REP(\"stosb\", d, f, n, a);
         CHECK(d == p + 65536 + 4 && n == 0 && d[-1] == 1 && d[0] == 0);
         d = p - 4; n = 8; a = 2; REP(\"stosb\", d, f, n, a);
         CHECK(d == p + 4 && n == 0 && p[-4] == 2 && p[-5] == 0);
         d = p + 2; n = 8; a = 3; DOWN(\"stosb\", d, f, n, a);
         CHECK(d == p - 6 && n == 0 && p[-5] == 3 && p[-6] == 0);
         d = p - 3; n = 2; a = 4; REP(\"stosq\", d, f, n, a); CHECK(d == p + 13 && n == 0);",
    );
    let expected = [
        "W 0xfffc 1 0x1 count 4 step 1",
        "W 0x0 1 0x2 count 4 step 1",
        "W 0x2 1 0x3 count 3 step -1",
        "LOSS Approximate",
        "W 0x0 5 0x0",
        "W 0x5 8 0x4",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_string_that_faults_in_the_middle_is_recorded_up_to_there() {
    let bench = Bench::new();
    let run = bench.trace(
        "static sigjmp_buf back;
         static siginfo_t told; static long rcx, rdi, rsi;
         static void handler(int s, siginfo_t *i, void *u) {
             gregset_t *r = &((ucontext_t *)u)->uc_mcontext.gregs;
             told = *i; rcx = (*r)[REG_RCX]; rdi = (*r)[REG_RDI]; rsi = (*r)[REG_RSI];
             siglongjmp(back, 1);
         }
         int main(int c, char **v) {
             struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
             sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0);
             window(v);
             char *s = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
             munmap(s + 4096, 4096);
             memset(s, 6, 4096);
             char *d = (char *)w, *f = s + 4000; long n = 200;
             if (!sigsetjmp(back, 1)) {
                 asm volatile(\"rep movsb\" : \"+D\"(d), \"+S\"(f), \"+c\"(n) :: \"memory\");
                 return 97;
             }
             CHECK(told.si_signo == SIGSEGV && told.si_addr == s + 4096);
             CHECK(rcx == 104 && rsi == (long)s + 4096 && rdi == (long)w + 96);
             ftruncate(fd, 4096);
             d = (char *)w + 4090; n = 20;
             if (!sigsetjmp(back, 1)) {
                 asm volatile(\"rep stosb\" : \"+D\"(d), \"+c\"(n) : \"a\"(7) : \"memory\");
                 return 96;
             }
             CHECK(told.si_signo == SIGBUS && told.si_addr == (void *)w + 4096);
             CHECK(rcx == 14 && rdi == (long)w + 4096);
             return 0;
         }",
    );
    let run = run.succeeded();
    assert_eq!(run.outcome.accesses, 96 + 6);
    assert!(run.writes().take(96).zip(0..).all(|(write, at)| write.offset == at));
    assert!(run.writes().skip(96).zip(4090..).all(|(write, at)| write.offset == at));
    assert!(matches!(run.losses()[..], [(LossKind::Missed, _)]), "{:?}", run.losses());
}

#[test]
fn a_string_through_the_end_of_what_is_watched_is_recorded_inside() {
    let bench = Bench::new();
    let program = bench.compile(
        &format!(
            "{PRELUDE}int main(int c, char **v) {{
                 window(v); fill();
                 char *d = (char *)w + 90, *f = s; long n = 30, a = 1;
                 REP(\"stosb\", d, f, n, a); CHECK(n == 0);
                 return 0;
             }}"
        ),
        &[],
    );
    let capture = Capture::new([program, bench.window()])
        .watch(Watch::file(bench.window(), 0..100))
        .watch(Watch::file(bench.window(), 110..200));
    let run = crate::program::run(capture).succeeded();
    let found: Vec<_> = run.trace.accesses().map(|access| (access.window, access.offset)).collect();
    let expected: Vec<_> = (90..100).map(|at| (0, at)).chain((0..10).map(|at| (1, at))).collect();
    assert_eq!(found, expected);
    assert_eq!(run.losses(), []);
}

#[test]
fn a_string_longer_than_a_record_is_several() {
    let bench = Bench::new();
    let big = bench.path("big");
    fs::write(&big, vec![0; 1 << 18]).expect("a file to watch");
    let program = bench.compile(
        &format!(
            "{PRELUDE}int main(int c, char **v) {{
                 fd = open(v[1], O_RDWR);
                 char *d = mmap(0, 1 << 18, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), *f = s;
                 long n = 200000, a = 8;
                 REP(\"stosb\", d, f, n, a); CHECK(n == 0);
                 return 0;
             }}"
        ),
        &[],
    );
    let mut kept = Kept::default();
    let capture = Capture::new([&program, &big]).watch(Watch::file(&big, 0..1 << 18));
    let outcome = capture.run(&mut kept).expect("it is traced");
    assert_eq!((outcome.status, outcome.accesses), (0, 200_000));
    let counts: Vec<u32> = kept
        .0
        .iter()
        .filter_map(|record| match record {
            Record::Repeat(repeat) => Some(repeat.count),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [65536, 65536, 65536, 3392]);
}

#[test]
fn signals_in_the_middle_of_strings_lose_and_double_nothing() {
    let run = Bench::new()
        .trace(
            "static volatile uint32_t alarms;
             static void handler(int s) { w[8192] = ++alarms; }
             static char s[32768];
             int main(int c, char **v) {
                 window(v);
                 signal(SIGALRM, handler);
                 struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
                 setitimer(ITIMER_REAL, &often, 0);
                 for (int i = 0; i < 400; i++) {
                     char *d = (char *)w, *f = s; long n = 32768;
                     asm volatile(\"rep movsb\" : \"+D\"(d), \"+S\"(f), \"+c\"(n) :: \"memory\");
                     CHECK(d == (char *)w + 32768 && f == s + 32768 && n == 0);
                 }
                 setitimer(ITIMER_REAL, &never, 0);
                 CHECK(alarms > 10);
                 w[8193] = alarms;
                 return 0;
             }",
        )
        .succeeded();
    let at = |offset: u64| run.writes().filter(move |access| access.offset == offset);
    let alarms = at(8193 * 4).next().and_then(|access| access.data).expect("the count");
    let alarms = u32::from_le_bytes(alarms.bytes().try_into().expect("4 bytes"));
    assert_eq!(at(8192 * 4).count(), alarms as usize);
    assert_eq!(run.outcome.accesses, 400 * 32768 + u64::from(alarms) + 1);
    assert_eq!(run.losses(), []);
}
