//! Threads, timers and forks all at once: nothing is lost, nothing doubled, nothing hangs.

use std::collections::HashMap;
use std::fs;

use busprobe_trace::{Direction, Record, Sink};

use crate::program::Bench;

/// Four threads store numbers that count up, each in a block of its own; a timer's handler, in
/// whichever thread it finds, counts up a word for that thread until there were enough; and processes are forked that store
/// their own numbers. The counts are printed to the file at the end.
const BODY: &str = r#"
enum { THREADS = 4, BLOCK = 1024, HANDLED = 8192, FORKED = 12288 };
static long stores, forks;
static __thread uint32_t id, alarms;
static volatile uint32_t of_alarms[THREADS + 1];
static volatile long left;
static void handler(int s) {
    struct itimerval never = {{0, 0}, {0, 0}};
    w[HANDLED + id] = ++alarms;
    of_alarms[id] = alarms;
    if (__sync_sub_and_fetch(&left, 1) == 0) setitimer(ITIMER_REAL, &never, 0);
}
static void *work(void *number) {
    sigset_t alarm;
    id = (long)number;
    sigemptyset(&alarm); sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm, 0);
    for (uint32_t i = 0; i < stores; i++) w[id * BLOCK + i % BLOCK] = i;
    return 0;
}
int main(int c, char **v) {
    window(v);
    stores = atol(v[2]); forks = atol(v[3]);
    left = atol(v[4]);
    id = THREADS;
    sigset_t alarm, before;
    sigemptyset(&alarm); sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, &before);
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &a, 0);
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++) CHECK(!pthread_create(threads + i, 0, work, (void *)i));
    pthread_sigmask(SIG_SETMASK, &before, 0);
    struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &often, 0);
    for (long i = 0; i < forks; i++) {
        pid_t child = fork();
        if (!child) { for (int k = 0; k < 10; k++) w[FORKED] = i * 10 + k; _exit(7); }
        int status, got;
        while ((got = waitpid(child, &status, 0)) < 0 && errno == EINTR);
        CHECK(got == child && WEXITSTATUS(status) == 7);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], 0);
    setitimer(ITIMER_REAL, &never, 0);
    FILE *told = fopen(v[5], "w");
    for (int i = 0; i <= THREADS; i++) fprintf(told, "%u\n", of_alarms[i]);
    fclose(told);
    return 0;
}
"#;

const THREADS: u64 = 4;
const BLOCK: u64 = 1024;
const HANDLED: u64 = 8192;
const FORKED: u64 = 12288;

/// Checks the numbers as they come, and keeps none of them.
#[derive(Default)]
struct Judge {
    /// By word of the window: how many stores there were.
    counts: HashMap<u64, u64>,
    losses: u64,
    wrong: Vec<String>,
}

impl Sink for Judge {
    fn put(&mut self, record: &Record) -> std::io::Result<()> {
        if let Record::Loss(_) = record {
            self.losses += 1;
        }
        let Record::Access(access) = record else { return Ok(()) };
        let word = access.offset / 4;
        // The order of a thread's own stores is known, and that of children one after the other.
        let (place, first) = match word {
            HANDLED.. => (word, u64::from(word < FORKED)),
            _ => (word / BLOCK * BLOCK, 0),
        };
        let count = self.counts.entry(place).or_default();
        let expected = (*count + first) as u32;
        *count += 1;
        let data = access.data.map(|data| u32::from_le_bytes(data.bytes().try_into().unwrap()));
        if (access.direction, data) != (Direction::Write, Some(expected)) {
            self.wrong.push(format!("{access:?} is not the store of {expected}"));
        }
        Ok(())
    }
}

/// Traces it all; how many accesses there were.
fn stress(stores: u64, forks: u64, alarms: u64) -> u64 {
    let bench = Bench::new();
    let program = bench.compile(BODY, &[]);
    let told = bench.path("told");
    let mut words = vec![program.into_os_string(), bench.window().into_os_string()];
    words.extend([stores, forks, alarms].map(|number| number.to_string().into()));
    words.push(told.clone().into_os_string());
    let mut judge = Judge::default();
    let outcome = bench.capture(words).run(&mut judge).expect("the program can be traced");
    assert_eq!(outcome.status, 0, "the traced program failed");
    assert_eq!(judge.wrong, [""; 0]);
    assert_eq!(judge.losses, 0);
    let alarms: Vec<u64> = fs::read_to_string(told)
        .expect("the counts")
        .lines()
        .map(|line| line.parse().expect("a number"))
        .collect();
    let count = |word: u64| judge.counts.get(&word).copied().unwrap_or(0);
    for thread in 0..THREADS {
        assert_eq!(count(thread * BLOCK), stores, "stores of thread {thread}");
    }
    for (thread, &alarms) in alarms.iter().enumerate() {
        assert_eq!(count(HANDLED + thread as u64), alarms, "alarms in thread {thread}");
    }
    assert!(alarms.iter().sum::<u64>() > 10, "{alarms:?}");
    assert_eq!(count(FORKED), forks * 10);
    let all = THREADS * stores + forks * 10 + alarms.iter().sum::<u64>();
    assert_eq!(outcome.accesses, all);
    all
}

#[test]
fn threads_timers_and_forks_at_once_lose_and_double_nothing() {
    stress(3_000, 20, 500);
}

/// `cargo test --release -p busprobe-capture --test native -- --ignored --nocapture million`
#[test]
#[ignore = "takes minutes"]
fn a_million_accesses_lose_nothing_in_little_memory() {
    let start = std::time::Instant::now();
    let accesses = stress(245_000, 200, 20_000);
    let took = start.elapsed();
    let status = fs::read_to_string("/proc/self/status").expect("proc(5)");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("its peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("kilobytes");
    eprintln!(
        "{accesses} accesses in {} s, {} us each, peak {} MiB",
        took.as_secs(),
        took.as_micros() / u128::from(accesses),
        peak / 1024,
    );
    assert!(peak < 200 * 1024, "{peak} kB");
}
