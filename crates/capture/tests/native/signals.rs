//! Signals in the middle of accesses, and programs that handle the capture's own signals.

use crate::program::Bench;

#[test]
fn a_timer_whose_handler_stores_to_the_window_gives_exact_counts() {
    let run = Bench::new()
        .trace(
            "static volatile uint32_t alarms;
             static void handler(int s) { w[512] = ++alarms; }
             int main(int c, char **v) {
                 window(v);
                 signal(SIGALRM, handler);
                 struct itimerval often = {{0, 700}, {0, 700}}, never = {{0, 0}, {0, 0}};
                 setitimer(ITIMER_REAL, &often, 0);
                 for (uint32_t i = 0; i < 10000; i++) w[i & 255] = i;
                 setitimer(ITIMER_REAL, &never, 0);
                 CHECK(alarms > 10);
                 w[513] = alarms;
                 return 0;
             }",
        )
        .succeeded();
    let at = |offset: u64| run.writes().filter(move |access| access.offset == offset);
    let alarms = at(513 * 4).next().and_then(|access| access.data).expect("the count");
    let alarms = u32::from_le_bytes(alarms.bytes().try_into().expect("4 bytes"));
    assert_eq!(at(512 * 4).count(), alarms as usize);
    assert_eq!(run.outcome.accesses, 10_000 + u64::from(alarms) + 1);
}

#[test]
fn many_signals_at_once_lose_nothing() {
    let run = Bench::new()
        .trace(
            "static volatile uint32_t usr, rt, values;
             static void on_usr(int s) { usr++; w[600]++; }
             static void on_rt(int s, siginfo_t *i, void *u) { rt++; values += i->si_int; w[601]++; }
             static volatile int done;
             static void *sender(void *p) {
                 for (int i = 0; i < 500; i++) {
                     kill(getpid(), SIGUSR1);
                     sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
                     usleep(50);
                 }
                 done = 1;
                 return 0;
             }
             int main(int c, char **v) {
                 window(v);
                 struct sigaction a = {.sa_sigaction = on_rt, .sa_flags = SA_SIGINFO};
                 sigaction(SIGRTMIN, &a, 0); signal(SIGUSR1, on_usr);
                 pthread_t t;
                 sigset_t all; sigfillset(&all); sigset_t old;
                 pthread_sigmask(SIG_SETMASK, &all, &old);
                 pthread_create(&t, 0, sender, 0);
                 pthread_sigmask(SIG_SETMASK, &old, 0);
                 while (!done) w[1] = 1;
                 pthread_join(t, 0);
                 CHECK(rt == 500); CHECK(values == 500 * 499 / 2);
                 CHECK(w[600] == usr); CHECK(w[601] == 500);
                 return 0;
             }",
        )
        .succeeded();
    assert_eq!(run.losses(), []);
}

#[test]
fn the_programs_own_sigsegv_handler_still_works() {
    let run = Bench::new().trace(
        "static sigjmp_buf back;
         static void *where;
         static void handler(int s, siginfo_t *i, void *u) { where = i->si_addr; siglongjmp(back, 1); }
         int main(int c, char **v) {
             struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
             sigaction(SIGSEGV, &a, 0);
             window(v);
             for (int i = 0; i < 3; i++) {
                 w[i] = i;
                 if (!sigsetjmp(back, 1)) { *(volatile int *)0x1230 = 0; return 97; }
                 CHECK(where == (void *)0x1230);
             }
             return 0;
         }",
    );
    assert_eq!(run.succeeded().lines(), ["W 0x0 4 0x0", "W 0x4 4 0x1", "W 0x8 4 0x2"]);
}

#[test]
fn a_program_that_blocks_every_signal_keeps_its_handlers_and_its_mask() {
    let run = Bench::new().trace(
        "static void handler(int s) {}
         int main(int c, char **v) {
             window(v);
             signal(SIGSEGV, handler); signal(SIGTRAP, handler);
             sigset_t all, now; sigfillset(&all);
             sigprocmask(SIG_SETMASK, &all, 0);
             w[1] = 5;
             sigprocmask(SIG_SETMASK, 0, &now);
             struct sigaction a;
             sigaction(SIGSEGV, 0, &a); CHECK(a.sa_handler == handler);
             sigaction(SIGTRAP, 0, &a); CHECK(a.sa_handler == handler);
             CHECK(sigismember(&now, SIGSEGV)); CHECK(sigismember(&now, SIGTRAP));
             return 0;
         }",
    );
    assert_eq!(run.succeeded().lines(), ["W 0x4 4 0x5"]);
}

#[test]
fn a_store_to_a_read_only_window_is_the_programs_own_fault_at_its_own_address() {
    let run = Bench::new().trace(
        "static sigjmp_buf back;
         static siginfo_t told;
         static void handler(int s, siginfo_t *i, void *u) { told = *i; siglongjmp(back, 1); }
         int main(int c, char **v) {
             struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
             sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0);
             window(v);
             volatile uint32_t *r = mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 0);
             CHECK(r[3] == 0);
             if (!sigsetjmp(back, 1)) { r[3] = 1; return 97; }
             CHECK(told.si_signo == SIGSEGV && told.si_code == SEGV_ACCERR);
             CHECK(told.si_addr == (void *)(r + 3));
             ftruncate(fd, 4096);
             if (!sigsetjmp(back, 1)) { w[4000] = 1; return 96; }
             CHECK(told.si_signo == SIGBUS && told.si_addr == (void *)(w + 4000));
             return 0;
         }",
    );
    let run = run.succeeded();
    assert_eq!(run.lines(), ["R 0xc 4 0x0"]);
    assert_eq!(run.losses().len(), 1, "{:?}", run.losses());
}

#[test]
fn a_program_stopped_and_continued_goes_on() {
    let run = Bench::new().statements(
        "pid_t child = fork();
         if (!child) { for (int i = 0; i < 2000; i++) w[0] = i; _exit(3); }
         int status;
         for (int i = 0; i < 5; i++) {
             usleep(3000); kill(child, SIGSTOP);
             CHECK(waitpid(child, &status, WUNTRACED) == child);
             if (WIFEXITED(status)) break;
             CHECK(WIFSTOPPED(status));
             kill(child, SIGCONT);
         }
         if (!WIFEXITED(status)) waitpid(child, &status, 0);
         CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);",
    );
    assert_eq!(run.outcome.accesses, 2000);
}

#[test]
fn a_program_with_a_system_call_filter_of_its_own_is_recorded() {
    let run = Bench::new().trace(
        "#include <linux/seccomp.h>
         #include <linux/filter.h>
         int main(int c, char **v) {
             struct sock_filter f[] = {
                 BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
             struct sock_fprog p = {4, f};
             prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
             CHECK(!prctl(PR_SET_SECCOMP, 2, &p));
             window(v);
             w[0] = 1;
             errno = 0; CHECK(syscall(SYS_getppid) == -1 && errno == EPERM);
             w[1] = 2;
             return 0;
         }",
    );
    assert_eq!(run.succeeded().lines(), ["W 0x0 4 0x1", "W 0x4 4 0x2"]);
}
