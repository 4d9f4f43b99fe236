//! Marks that the program knows nothing of, at functions.
#![cfg(target_arch = "x86_64")]

use std::cell::RefCell;
use std::fs;
use std::process::Command;
use std::rc::Rc;

use busprobe_capture::native::{Capture, MarkOn, NotFound};
use busprobe_capture::{Selected, Selection, Watch};
use busprobe_trace::{Direction, Event, Trace};

use crate::attach::Running;
use crate::program::{Bench, LENGTH, Run, run};

/// Of any module, the text being the name.
fn on(function: &str) -> MarkOn {
    MarkOn { function: function.to_owned(), module: None, text: function.to_owned() }
}

fn traced(body: &str, flags: &[&str], functions: &[&str]) -> Run {
    let bench = Bench::new();
    let capture = bench.capture([bench.compile(body, flags), bench.window()]);
    run(functions.iter().map(|name| on(name)).fold(capture, Capture::mark_on)).succeeded()
}

impl Run {
    fn count(&self, text: &str) -> usize {
        self.marks().iter().filter(|mark| mark.text == text).count()
    }
}

#[test]
fn a_function_is_marked_before_its_first_access() {
    let run = traced(
        "__attribute__((noinline)) void set(int i, int v) { w[i] = v; }
         int main(int c, char **v) { window(v); set(0, 1); w[1] = 2; set(2, 3); return 0; }",
        &[],
        &["set", "main"],
    );
    assert_eq!(run.story(), ["MARK main", "MARK set", "W0/4", "W4/4", "MARK set", "W8/4"]);
    assert!(run.marks().iter().all(|mark| mark.time_ns.is_some()));
    assert_eq!(run.losses(), []);
}

#[test]
fn an_access_by_the_first_instruction_is_recorded() {
    let run = traced(
        "void poke(volatile uint32_t *at, int value);
         int peek(volatile uint32_t *at);
         void clear(volatile uint32_t *at, int value, long x, long count);
         asm(\"poke: movl %esi, (%rdi)\\n ret\\n .type poke, @function\\n .size poke, .-poke\\n\"
             \"peek: movl (%rdi), %eax\\n ret\\n .type peek, @function\\n .size peek, .-peek\\n\"
             \"clear: rep stosl\\n ret\\n .type clear, @function\\n\");
         int main(int c, char **v) {
             window(v); poke(w, 7); CHECK(peek(w) == 7);
             asm volatile(\"call clear\" :: \"D\"(w), \"a\"(5), \"c\"(3L) : \"memory\");
             CHECK(w[2] == 5);
             return 0; }",
        &[],
        &["poke", "peek", "clear"],
    );
    assert_eq!(
        run.story(),
        ["MARK poke", "W0/4", "MARK peek", "R0/4", "MARK clear", "W0/4", "W4/4", "W8/4", "R8/4"]
    );
    let marks = run.marks().len();
    assert_eq!(marks, 3);
}

#[test]
fn first_instructions_that_depend_on_their_place_do_what_they_did() {
    let run = traced(
        "int relative(void); int jumps(int); int calls(int); int loops(int); int zero(void);
         int number = 41;
         asm(\".text\\n\"
             \"relative: movl number(%rip), %eax\\n inc %eax\\n ret\\n\"
             \"jumps: jmp 1f\\n ud2\\n 1: lea 1(%rdi), %eax\\n ret\\n\"
             \"calls: call 2f\\n inc %eax\\n ret\\n 2: mov %edi, %eax\\n ret\\n\"
             \"loops: dec %edi\\n jnz loops\\n mov $3, %eax\\n ret\\n\"
             \"zero: ret\\n\"
             \".type relative, @function\\n .type jumps, @function\\n .type calls, @function\\n\"
             \".type loops, @function\\n .type zero, @function\\n\");
         int main(int c, char **v) {
             window(v);
             for (int i = 0; i < 10; i++) {
                 CHECK(relative() == 42); CHECK(jumps(4) == 5); CHECK(calls(6) == 7);
                 CHECK(loops(2) == 3); zero(); }
             return 0; }",
        &[],
        &["relative", "jumps", "calls", "loops", "zero"],
    );
    // A jump to the first instruction arrives there too.
    let counts = ["relative", "jumps", "calls", "loops", "zero"].map(|name| run.count(name));
    assert_eq!(counts, [10, 10, 10, 20, 10]);
}

#[test]
fn no_call_of_several_threads_at_once_passes_unmarked() {
    let run = traced(
        "int counts[4]; volatile int number;
         __attribute__((noinline)) void plain(int *at) { asm(\"\"); ++*at; }
         __attribute__((noinline)) int placed(void) { return number; }
         static void *calls(void *id) {
             for (int i = 0; i < 2000; i++) { plain(counts + (long)id); if (i % 4 == 0) placed(); }
             return 0; }
         int main(int c, char **v) {
             window(v);
             pthread_t threads[3];
             for (long i = 0; i < 3; i++) pthread_create(threads + i, 0, calls, (void *)i);
             for (long i = 0; i < 3; i++) { pthread_join(threads[i], 0); CHECK(counts[i] == 2000); }
             return 0; }",
        // Without it, every function begins with an instruction that runs anywhere.
        &["-fcf-protection=none"],
        &["plain", "placed"],
    );
    assert_eq!((run.count("plain"), run.count("placed")), (6000, 1500));
    let mut threads: Vec<u32> = run.marks().iter().map(|mark| mark.thread).collect();
    threads.sort_unstable();
    threads.dedup();
    assert_eq!(threads.len(), 3);
}

#[test]
fn each_call_of_a_recursion_is_marked() {
    let run = traced(
        "__attribute__((noinline)) int down(int n) {
             return n < 2 ? n : down(n - 1) + down(n - 2); }
         int main(int c, char **v) { window(v); CHECK(down(10) == 55); return 0; }",
        &["-fno-optimize-sibling-calls", "-O0"],
        &["down"],
    );
    assert_eq!(run.count("down"), 177);
}

#[test]
fn static_programs_are_marked_too() {
    let body = "__attribute__((noinline)) void set(int v) { w[0] = v; }
         static char from[64] = \"x\", to[64];
         int main(int c, char **v) {
             window(v); set(1); volatile int n = 50; memcpy(to, from, n); set(2); return 0; }";
    let run = traced(body, &["-static"], &["set", "memcpy"]);
    let story = run.story();
    let from = story.iter().position(|line| line == "MARK set").expect("set is marked");
    assert_eq!(story[from..], ["MARK set", "W0/4", "MARK memcpy", "MARK set", "W0/4"]);
}

#[test]
fn forked_children_have_marks_of_their_own() {
    let run = traced(
        "__attribute__((noinline)) void set(int v) { w[0] = v; }
         int main(int c, char **v) {
             window(v); set(1);
             if (!fork()) { set(2); set(3); _exit(0); }
             int s; wait(&s); CHECK(s == 0);
             pid_t child = vfork();
             if (!child) { set(4); _exit(0); }
             waitpid(child, &s, 0); CHECK(s == 0);
             set(5);
             return 0; }",
        &[],
        &["set"],
    );
    assert_eq!(run.story(), ["MARK set", "W0/4"].repeat(5));
    let threads: Vec<u32> = run.marks().iter().map(|mark| mark.thread).collect();
    assert_eq!((threads[0], threads[1]), (threads[4], threads[2]));
    assert!(threads[0] != threads[1] && threads[3] != threads[0], "{threads:?}");
}

#[test]
fn a_program_that_becomes_another_is_marked_again() {
    let run = traced(
        "__attribute__((noinline)) void set(int v) { w[0] = v; }
         int main(int c, char **v) {
             window(v); set(c);
             if (c == 2) { execl(\"/proc/self/exe\", \"again\", v[1], \"x\", (char *)0); CHECK(0); }
             return 0; }",
        &[],
        &["set"],
    );
    assert_eq!(run.story(), ["MARK set", "W0/4", "MARK set", "W0/4"]);
}

#[test]
fn a_library_is_marked_whenever_it_is_loaded() {
    let bench = Bench::new();
    let source = bench.path("plug.c");
    fs::write(&source, "int plugged(int n) { return n + 1; }").expect("the source is written");
    let library = bench.path("libplug.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .expect("a C compiler is needed: apt-get install gcc");
    assert!(status.success());
    let body = "#include <dlfcn.h>
         int main(int c, char **v) {
             window(v);
             for (int i = 0; i < 3; i++) {
                 void *library = dlopen(v[2], RTLD_NOW); CHECK(library);
                 int (*plugged)(int) = dlsym(library, \"plugged\"); CHECK(plugged(i) == i + 1);
                 dlclose(library); }
             return 0; }";
    let program = bench.compile(body, &["-ldl"]);
    let of = |module: &str, text: &str| MarkOn {
        function: "plugged".to_owned(),
        module: Some(module.to_owned()),
        text: text.to_owned(),
    };
    let capture = bench
        .capture([program, bench.window(), library.clone()])
        .mark_on(of("libplug", "by its stem"))
        .mark_on(of("libplug.so", "by its name"))
        .mark_on(of(library.to_str().expect("a plain path"), "by its path"))
        .mark_on(of("libc", "not there"));
    let run = run(capture).succeeded();
    let texts: Vec<&str> = run.marks().iter().map(|mark| mark.text.as_str()).collect();
    assert_eq!(texts, ["by its stem", "by its name", "by its path"].repeat(3));
}

#[test]
fn the_memcpy_that_the_program_got_is_marked() {
    let run = traced(
        "static char from[64], to[64];
         __attribute__((noinline)) void copy(volatile int n) { memcpy(to, from, n); w[0] = n; }
         int main(int c, char **v) { window(v); w[1] = 1; copy(5); copy(6); return 0; }",
        &["-fno-builtin"],
        &["memcpy"],
    );
    let story = run.story();
    let from = story.iter().position(|line| line == "W4/4").expect("it is there");
    // At its end libc itself may copy.
    assert_eq!(story[from + 1..][..4], ["MARK memcpy", "W0/4", "MARK memcpy", "W0/4"]);
}

#[test]
fn the_programs_own_breakpoints_and_handlers_are_its_own() {
    let run = traced(
        "static volatile int traps;
         static void trapped(int s) { traps++; }
         void own(void);
         asm(\"own: int3\\n ret\\n .type own, @function\\n\");
         __attribute__((noinline)) void set(int v) { w[0] = v; }
         int main(int c, char **v) {
             window(v);
             signal(SIGTRAP, trapped);
             asm volatile(\"int3\"); CHECK(traps == 1);
             raise(SIGTRAP); CHECK(traps == 2);
             own(); CHECK(traps == 3);
             set(1);
             sigset_t all, now; sigfillset(&all); sigprocmask(SIG_SETMASK, &all, 0);
             set(2);
             sigprocmask(0, 0, &now); CHECK(sigismember(&now, SIGTRAP));
             struct sigaction kept; sigaction(SIGTRAP, 0, &kept); CHECK(kept.sa_handler == trapped);
             return 0; }",
        &[],
        &["set", "own"],
    );
    assert_eq!((run.count("set"), run.count("own")), (2, 1));
}

#[test]
fn signals_that_come_at_a_marked_function_are_delivered_once() {
    let run = traced(
        "static volatile int ticks; static volatile int number;
         __attribute__((noinline)) int placed(void) { return number; }
         static void tick(int s) { ticks++; placed(); }
         int main(int c, char **v) {
             window(v);
             signal(SIGALRM, tick);
             struct itimerval timer = {{0, 500}, {0, 500}}; setitimer(ITIMER_REAL, &timer, 0);
             for (int i = 0; i < 1000; i++) placed();
             struct itimerval none = {{0}}; setitimer(ITIMER_REAL, &none, 0);
             w[0] = ticks;
             return 0; }",
        &["-fcf-protection=none"],
        &["placed"],
    );
    let ticks = run.writes().next().and_then(|access| access.data).expect("it was stored");
    let ticks = u32::from_le_bytes(ticks.bytes().try_into().expect("4 bytes")) as usize;
    // A handler may have come after the function began and before its first instruction.
    assert_eq!(run.count("placed"), 1000 + ticks);
}

const SELF_READING: &str = "
    __attribute__((noinline)) int set(int v) { w[0] = v; return 0; }
    int main(int c, char **v) {
        window(v);
        uint64_t before; memcpy(&before, (void *)set, 8);
        ready();
        while (is_on()) { set(1); usleep(100); }
        uint64_t after; memcpy(&after, (void *)set, 8);
        CHECK(before == after);
        return 0; }";

#[test]
fn attaching_marks_and_letting_go_leaves_the_code_as_it_was() {
    let bench = Bench::new();
    let running = Running::start(&bench, SELF_READING);
    for _ in 0..3 {
        let mut trace = Trace::new(Capture::header());
        let selection = Selection { limit: Some(20), ..Selection::default() };
        let mut sink = Selected::new(selection, &mut trace);
        let outcome = Capture::attach(running.pid())
            .watch(Watch::file(bench.window(), 0..LENGTH))
            .mark_on(on("set"))
            .run(&mut sink)
            .expect("the program can be attached to");
        sink.finish().1.expect("a trace in memory takes all");
        assert!(outcome.let_go);
        let run = Run { trace, outcome };
        // It may have been in the function already.
        assert!((19..=20).contains(&run.count("set")), "{}", run.count("set"));
        let story = run.story();
        assert!(story.windows(2).all(|pair| pair[0] != pair[1]), "{story:?}");
    }
    running.end();
}

#[test]
fn a_running_programs_memcpy_is_found_where_it_was_resolved() {
    let bench = Bench::new();
    for flags in [&["-fno-builtin"][..], &["-fno-builtin", "-static"]] {
        let running = Running::start_built(
            &bench,
            "static char from[64], to[64];
             int main(int c, char **v) {
                 window(v); volatile int n = 50; memcpy(to, from, n); ready();
                 while (is_on()) { memcpy(to, from, n); w[0] = n; usleep(100); }
                 return 0; }",
            flags,
        );
        let mut trace = Trace::new(Capture::header());
        let selection = Selection { limit: Some(5), ..Selection::default() };
        let mut sink = Selected::new(selection, &mut trace);
        let outcome = Capture::attach(running.pid())
            .watch(Watch::file(bench.window(), 0..LENGTH))
            .mark_on(on("memcpy"))
            .run(&mut sink)
            .expect("the program can be attached to");
        sink.finish().1.expect("a trace in memory takes all");
        let run = Run { trace, outcome };
        assert!(run.count("memcpy") >= 4, "{flags:?}: {:?}", run.story());
        running.end();
    }
}

#[test]
fn after_the_end_of_a_trace_the_program_runs_on_unmarked() {
    let bench = Bench::new();
    let program = bench.compile(
        "__attribute__((noinline)) void set(int v) { w[0] = v; }
         int main(int c, char **v) { window(v); for (int i = 0; i < 9; i++) set(i); return 0; }",
        &[],
    );
    let mut trace = Trace::new(Capture::header());
    let selection = Selection { limit: Some(3), ..Selection::default() };
    let mut sink = Selected::new(selection, &mut trace);
    let outcome = bench
        .capture([program, bench.window()])
        .mark_on(on("set"))
        .run(&mut sink)
        .expect("the program can be traced");
    sink.finish().1.expect("a trace in memory takes all");
    assert_eq!(outcome.status, 0);
    assert_eq!(Run { trace, outcome }.story(), ["MARK set", "W0/4"].repeat(3));
}

#[test]
fn a_function_that_is_nowhere_is_told_of_with_names_like_it() {
    let bench = Bench::new();
    let program = bench.compile(
        "__attribute__((noinline)) void reset_device(void) { w[0] = 1; }
         int main(int c, char **v) { window(v); reset_device(); return 0; }",
        &[],
    );
    let said: Rc<RefCell<Vec<NotFound>>> = Rc::default();
    let heard = Rc::clone(&said);
    let module = |name: &str| MarkOn { module: Some(name.to_owned()), ..on("reset_device") };
    let capture = bench
        .capture([program, bench.window()])
        .mark_on(on("reset_devise"))
        .mark_on(on("reset_device"))
        .mark_on(module("libnowhere"))
        .mark_on(module("libc"))
        .when_not_found(move |missing| heard.borrow_mut().push(missing.clone()));
    assert_eq!(run(capture).succeeded().count("reset_device"), 1);
    let said = said.borrow();
    assert_eq!(said.len(), 3, "{said:?}");
    assert_eq!(said[0].nearest[0], "reset_device");
    assert!(
        said[0].to_string().starts_with(
            "no mark on reset_devise: no module has such a function; there is reset_device"
        ),
        "{}",
        said[0]
    );
    assert_eq!(
        said[1].to_string(),
        "no mark on reset_device: the program has no module libnowhere"
    );
    assert!(said[2].to_string().contains("libc has no such function"), "{}", said[2]);
}

#[test]
fn the_accesses_between_marks_keep_their_order() {
    let run = traced(
        "__attribute__((noinline)) void begin(void) { asm(\"\"); }
         __attribute__((noinline)) void end(void) { asm(\"\"); }
         int main(int c, char **v) {
             window(v);
             for (int i = 0; i < 50; i++) { begin(); w[0] = i; (void)w[1]; end(); }
             return 0; }",
        &[],
        &["begin", "end"],
    );
    assert_eq!(run.story(), ["MARK begin", "W0/4", "R4/4", "MARK end"].repeat(50));
    let seq = |event: &Event| match event {
        Event::Access(access) => Some(access.seq),
        Event::Mark(mark) => Some(mark.seq),
        _ => None,
    };
    let order: Vec<u64> = run.trace.events.iter().filter_map(seq).collect();
    assert!(order.is_sorted());
    assert_eq!(run.trace.accesses().filter(|a| a.direction == Direction::Write).count(), 50);
}
