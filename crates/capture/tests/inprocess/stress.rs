//! Traces that come and go while threads use windows and the process forks. Each of these runs in a
//! process of its own, which a fault that is taken for a real one would end.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::faults::run;
use crate::memory::{Memory, lines};

/// Has threads do that again and again, one each, for so many seconds.
fn run_all(seconds: u64, crowd: &[&(dyn Fn() + Sync)]) {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for one in crowd {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    one();
                }
            });
        }
        thread::sleep(Duration::from_secs(seconds));
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn threads_use_windows_whose_traces_come_and_go() {
    assert!(run("stress::come_and_go").success());
}

/// A fault on pages that were watched is looked at when they no longer are, and other pages may be
/// watched in their place by then.
#[test]
#[ignore = "might end its process: run by the test above"]
fn come_and_go() {
    let (kept, window, other) = (Memory::new(1), Memory::new(1), Memory::new(1));
    let _all_the_while = kept.watch();
    let trace = || {
        for memory in [&window, &other] {
            let _for_a_while = memory.watch();
            thread::sleep(Duration::from_millis(4));
        }
    };
    let use_kept = || kept.write(0, 1);
    let use_window = || window.write(0, 1);
    let mut crowd: Vec<&(dyn Fn() + Sync)> = vec![&use_window; 6];
    crowd.push(&trace);
    crowd.push(&use_kept);
    run_all(2, &crowd);
}

#[test]
fn a_process_forks_while_traces_come_and_go_and_its_children_have_traces_of_their_own() {
    assert!(run("stress::fork_meanwhile").success());
}

#[test]
#[ignore = "forks its process: run by the test above"]
fn fork_meanwhile() {
    let window = Memory::new(1);
    let trace = || {
        let own = Memory::new(1);
        let watching = own.watch();
        own.write(0, 1);
        window.write(0, 1);
        assert_eq!(lines(&watching.finish().unwrap()), ["W 0x0 4 0x1"]);
    };
    run_all(1, &[&trace, &trace, &|| drop(window.watch()), &|| fork(&trace)]);
}

/// Has a child do it, and waits for it, but not for ever.
fn fork(child_does: &(dyn Fn() + Sync)) {
    // SAFETY: the child does what it is to do, and leaves.
    let child = unsafe { libc::fork() };
    if child == 0 {
        child_does();
        // SAFETY: it has no preconditions.
        unsafe { libc::_exit(42) };
    }
    let start = Instant::now();
    let mut status = 0;
    // SAFETY: the call gets a valid pointer.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if start.elapsed() > Duration::from_secs(20) {
            // SAFETY: it is our own child, which is still there.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        thread::yield_now();
    }
    assert_eq!(libc::WEXITSTATUS(status), 42, "status {status:#x}");
}
