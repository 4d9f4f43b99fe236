//! Several threads, several traces, and signals meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use busprobe_capture::inprocess::Watching;

use crate::memory::{Memory, lines, losses};

#[test]
fn four_threads_lose_nothing_and_each_keeps_its_order() {
    const STORES: u32 = 20_000;
    let memory = Memory::new(1);
    let watching = memory.watch();
    thread::scope(|scope| {
        for thread in 0..4 {
            let memory = &memory;
            scope.spawn(move || (0..STORES).for_each(|value| memory.write(4 * thread, value)));
        }
    });
    let trace = watching.finish().unwrap();
    let mut next: HashMap<u64, u32> = HashMap::new();
    let mut threads: HashMap<u64, u32> = HashMap::new();
    for access in trace.accesses() {
        let expected = next.entry(access.offset).or_default();
        let value = u32::from_le_bytes(access.data.unwrap().bytes().try_into().unwrap());
        assert_eq!(value, *expected, "of the word at {:#x}", access.offset);
        assert_eq!(*threads.entry(access.offset).or_insert(access.thread), access.thread);
        *expected += 1;
    }
    assert_eq!(next.into_values().collect::<Vec<_>>(), [STORES; 4]);
    assert_eq!(losses(&trace), []);
}

#[test]
fn threads_that_go_on_while_a_trace_begins_and_ends_are_not_disturbed() {
    let memory = Memory::new(1);
    let rounds = AtomicU32::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|thread| {
                let (memory, rounds) = (&memory, &rounds);
                scope.spawn(move || {
                    let mut value = 0;
                    while rounds.load(Ordering::Relaxed) < 50 {
                        memory.write(4 * thread, value);
                        assert_eq!(memory.read(4 * thread), value);
                        value = value.wrapping_add(1);
                    }
                })
            })
            .collect();
        for _ in 0..50 {
            let trace = memory.watch().finish().unwrap();
            assert_eq!(losses(&trace), []);
            rounds.fetch_add(1, Ordering::Relaxed);
        }
        for worker in workers {
            worker.join().expect("it goes on to its end");
        }
    });
}

#[test]
fn two_traces_at_a_time_see_each_what_is_theirs() {
    let (one, other) = (Memory::new(1), Memory::new(1));
    let first = one.watch();
    one.write(0, 1);
    let second = Watching::start(&[one.region(), other.region()]).unwrap();
    one.write(4, 2);
    other.write(8, 3);
    let first = first.finish().unwrap();
    one.write(12, 4);
    let second = second.finish().unwrap();
    one.write(16, 5);
    assert_eq!(lines(&first), ["W 0x0 4 0x1", "W 0x4 4 0x2"]);
    assert_eq!(lines(&second), ["W 0x4 4 0x2", "W 0x8 4 0x3", "W 0xc 4 0x4"]);
    let windows: Vec<u32> = second.accesses().map(|access| access.window).collect();
    assert_eq!(windows, [0, 1, 0]);
}

static TICKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn tick(_: i32) {
    TICKS.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn a_timer_goes_on_and_nothing_is_lost() {
    // SAFETY: the handler only counts; the timer is stopped at the end.
    let set_timer = |microseconds| unsafe {
        libc::signal(libc::SIGALRM, tick as extern "C" fn(i32) as usize);
        let every = libc::timeval { tv_sec: 0, tv_usec: microseconds };
        let timer = libc::itimerval { it_interval: every, it_value: every };
        libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut());
    };
    let memory = Memory::new(1);
    let watching = memory.watch();
    set_timer(1000);
    (0..5000).for_each(|value| memory.write(0, value));
    set_timer(0);
    let trace = watching.finish().unwrap();
    assert_eq!(trace.accesses().count(), 5000);
    assert!(TICKS.load(Ordering::Relaxed) > 0, "the timer ran");
}
