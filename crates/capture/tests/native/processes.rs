//! Threads, children, other programs.

use std::collections::BTreeMap;

use busprobe_trace::Data;

use crate::program::{Bench, run};

#[test]
fn two_threads_are_recorded_in_full_and_each_in_order() {
    let run = Bench::new()
        .trace(
            "static void *stores(void *id) {
                 for (uint32_t i = 0; i < 20000; i++)
                     w[(long)id * 256 + (i & 255)] = (uint32_t)(long)id << 24 | i;
                 return 0;
             }
             int main(int c, char **v) {
                 window(v);
                 pthread_t threads[2];
                 for (long i = 0; i < 2; i++) pthread_create(threads + i, 0, stores, (void *)i);
                 for (long i = 0; i < 2; i++) pthread_join(threads[i], 0);
                 return 0;
             }",
        )
        .succeeded();
    let mut by_thread: BTreeMap<u32, Vec<(u64, Option<Data>)>> = BTreeMap::new();
    for access in run.writes() {
        by_thread.entry(access.thread).or_default().push((access.offset, access.data));
    }
    let mut found: Vec<_> = by_thread.into_values().collect();
    found.sort_by_key(|stores| stores[0].0);
    let expected: Vec<Vec<_>> = (0..2_u32)
        .map(|id| {
            let store = |i: u32| {
                let offset = u64::from(id * 256 + (i & 255)) * 4;
                (offset, Some(Data::new(&(id << 24 | i).to_le_bytes())))
            };
            (0..20_000).map(store).collect()
        })
        .collect();
    assert!(found == expected, "some stores are missing or out of order");
    assert_eq!(run.outcome.accesses, 40_000);
    assert_eq!(run.losses(), []);
}

#[test]
fn a_forked_child_is_recorded() {
    let run = Bench::new().statements(
        "w[0] = 1;
         pid_t child = fork();
         if (!child) { w[1] = 2; _exit(7); }
         int status; waitpid(child, &status, 0); CHECK(WEXITSTATUS(status) == 7);
         w[2] = 3;",
    );
    assert_eq!(run.lines(), ["W 0x0 4 0x1", "W 0x4 4 0x2", "W 0x8 4 0x3"]);
    let threads: Vec<u32> = run.trace.accesses().map(|access| access.thread).collect();
    assert_eq!(threads[0], threads[2]);
    assert_ne!(threads[0], threads[1]);
}

#[test]
fn a_child_made_by_vfork_and_its_new_program_are_recorded() {
    let run = Bench::new()
        .trace(
            "int main(int c, char **v) {
                 window(v);
                 if (c > 2) { w[2] = 3; return 5; }
                 w[0] = 1;
                 pid_t child = vfork();
                 if (!child) { w[1] = 2; execl(v[0], v[0], v[1], \"again\", NULL); _exit(9); }
                 int status; waitpid(child, &status, 0); CHECK(WEXITSTATUS(status) == 5);
                 w[3] = 4;
                 return 0;
             }",
        )
        .succeeded();
    let expected = ["W 0x0 4 0x1", "W 0x4 4 0x2", "W 0x8 4 0x3", "W 0xc 4 0x4"];
    assert_eq!(run.lines(), expected);
}

#[test]
fn a_program_executed_by_a_thread_other_than_the_first_is_recorded() {
    let run = Bench::new().trace(
        "static char **words;
             static void *other(void *unused) {
                 w[0] = 1;
                 execl(words[0], words[0], words[1], \"again\", NULL);
                 return 0;
             }
             int main(int c, char **v) {
                 window(v); words = v;
                 if (c > 2) { w[1] = 2; return 6; }
                 pthread_t thread;
                 pthread_create(&thread, 0, other, 0);
                 pause();
                 return 0;
             }",
    );
    assert_eq!(run.lines(), ["W 0x0 4 0x1", "W 0x4 4 0x2"]);
    assert_eq!(run.outcome.status, 6);
}

#[test]
fn a_static_program_is_recorded() {
    let run = Bench::new()
        .trace_built("int main(int c, char **v) { window(v); w[0] = 5; return 0; }", &["-static"])
        .succeeded();
    assert_eq!(run.lines(), ["W 0x0 4 0x5"]);
}

#[test]
fn a_script_and_all_that_it_starts_are_recorded() {
    let bench = Bench::new();
    let program =
        bench.compile("int main(int c, char **v) { window(v); w[c] = c; return c; }", &[]);
    let script = format!(
        "{0} {1}; {0} {1} x | {0} {1} x x; exit 11",
        program.display(),
        bench.window().display()
    );
    let run = run(bench.capture(["sh", "-c", &script]));
    let mut lines = run.lines();
    lines.sort();
    assert_eq!(lines, ["W 0x10 4 0x4", "W 0x8 4 0x2", "W 0xc 4 0x3"]);
    assert_eq!(run.outcome.status, 11);
}

#[test]
fn instructions_that_need_all_threads_stopped_lose_none_of_the_others() {
    if !cfg!(target_arch = "x86_64") {
        skip::because("every instruction of this machine runs on the alias");
        return;
    }
    let run = Bench::new()
        .trace(
            "static volatile int done;
             static void *stores(void *id) {
                 for (uint32_t i = 0; i < 3000; i++) w[(long)id] = i;
                 return 0;
             }
             int main(int c, char **v) {
                 window(v);
                 pthread_t threads[3];
                 for (long i = 0; i < 3; i++) pthread_create(threads + i, 0, stores, (void *)i);
                 // `push %rsp` with the stack in the window can run in no other way.
                 for (int i = 0; i < 300; i++)
                     asm volatile(\"mov %%rsp, %%rbx\\n mov %0, %%rsp\\n push %%rsp\\n\"
                                  \"mov %%rbx, %%rsp\" :: \"r\"(w + 512) : \"rbx\", \"memory\");
                 for (int i = 0; i < 3; i++) pthread_join(threads[i], 0);
                 return 0;
             }",
        )
        .succeeded();
    assert_eq!(run.outcome.accesses, 3 * 3000 + 300);
    for thread in 0..3 {
        let data: Vec<_> =
            run.writes().filter(|access| access.offset == thread * 4).map(|a| a.data).collect();
        let expected: Vec<_> = (0..3000_u32).map(|i| Some(Data::new(&i.to_le_bytes()))).collect();
        assert!(data == expected);
    }
}

#[test]
fn the_first_thread_may_end_before_the_others() {
    let run = Bench::new().trace(
        "static void *stores(void *unused) {
             usleep(20000);
             for (int i = 0; i < 100; i++) w[i] = i;
             exit(5);
         }
         int main(int c, char **v) {
             window(v);
             pthread_t thread;
             pthread_create(&thread, 0, stores, 0);
             w[200] = 1;
             pthread_exit(0);
         }",
    );
    assert_eq!(run.outcome.accesses, 101);
    assert_eq!(run.outcome.status, 5);
}
