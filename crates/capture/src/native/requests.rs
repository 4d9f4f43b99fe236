//! Signals to busprobe itself that ask for the end of a trace.
//!
//! Ctrl-C reaches a program that was started here by itself, as from a shell; a second one soon
//! after is for the capture, and so is every one while the program is not the terminal's.

use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use libc::{c_int, sigaction};

/// Signals that ask for the end, at once or when repeated.
const ENDS: [c_int; 4] = [libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGHUP];
/// Interrupts a wait now and then, so that no request is overlooked that came just before it.
/// Where nobody handles it, it is ignored.
const BEAT: c_int = libc::SIGURG;
const BEAT_NS: i64 = 200_000_000;
/// How soon a second Ctrl-C follows on a first.
const TWICE_NS: i64 = 2_000_000_000;

/// The signal that asked for the end, 0 for none: once, or twice in a row.
static ONCE: AtomicI32 = AtomicI32::new(0);
static TWICE: AtomicI32 = AtomicI32::new(0);
/// When the last key's signal came, on `CLOCK_MONOTONIC`.
static LAST_NS: AtomicI64 = AtomicI64::new(i64::MIN / 2);

/// What signals did before, and how many captures of this process heed them.
static FORMER: Mutex<(usize, Vec<(c_int, sigaction)>)> = Mutex::new((0, Vec::new()));

/// While this lives, signals that would end this process ask for the end of the trace instead.
pub(crate) struct Requests {
    timer: Option<libc::timer_t>,
}

extern "C" fn beat(_: c_int) {}

extern "C" fn asked(signal: c_int) {
    let now = now_ns();
    let is_key = matches!(signal, libc::SIGINT | libc::SIGQUIT);
    if !is_key || now - LAST_NS.swap(now, Ordering::Relaxed) < TWICE_NS {
        TWICE.store(signal, Ordering::Relaxed);
    }
    ONCE.store(signal, Ordering::Relaxed);
}

fn now_ns() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec; signal-safety(7) lists the call.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// Sets a handler that interrupts waits; what was there before.
fn handle(signal: c_int, handler: extern "C" fn(c_int)) -> sigaction {
    let mut former = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: zeroes are an empty mask and no flags (so no SA_RESTART); both handlers only store
    // to atomics and read the clock, and both structures live through the call.
    unsafe {
        let mut action: sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = handler as *const () as usize;
        libc::sigaction(signal, &raw const action, former.as_mut_ptr());
        former.assume_init()
    }
}

fn restore(signal: c_int, former: &sigaction) {
    // SAFETY: it was in force before.
    unsafe { libc::sigaction(signal, former, ptr::null_mut()) };
}

impl Requests {
    /// Heeds signals from now on, and interrupts the calling thread's waits for them.
    pub(crate) fn heed() -> Requests {
        let mut former = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
        former.0 += 1;
        if former.0 == 1 {
            ONCE.store(0, Ordering::Relaxed);
            TWICE.store(0, Ordering::Relaxed);
            former.1 = ENDS.into_iter().map(|signal| (signal, handle(signal, asked))).collect();
            // nohup(1) has a program ignore this, and busprobe means to stay too.
            if let Some((signal, ignored)) = former
                .1
                .iter()
                .find(|(signal, was)| *signal == libc::SIGHUP && was.sa_sigaction == libc::SIG_IGN)
            {
                restore(*signal, ignored);
            }
            former.1.push((BEAT, handle(BEAT, beat)));
        }
        Requests { timer: start_beat() }
    }

    /// The signal that asks for the end: of what runs by itself any, of what the terminal's keys
    /// reach too only one that is meant for the capture.
    pub(crate) fn to_end(keys_reach_program: bool) -> Option<i32> {
        let asked = if keys_reach_program { &TWICE } else { &ONCE };
        Some(asked.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }
}

/// A timer whose signal goes to the calling thread; without one, a request waits for the next stop.
fn start_beat() -> Option<libc::timer_t> {
    let mut timer = ptr::null_mut();
    let period = libc::timespec { tv_sec: 0, tv_nsec: BEAT_NS };
    let beat = libc::itimerspec { it_interval: period, it_value: period };
    // SAFETY: `sigevent` is plain data for which zeroes are valid; the kernel reads it and `beat`
    // and writes the timer's id.
    unsafe {
        let mut event: libc::sigevent = MaybeUninit::zeroed().assume_init();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = BEAT;
        event.sigev_notify_thread_id = libc::gettid();
        if libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer) != 0 {
            return None;
        }
        libc::timer_settime(timer, 0, &raw const beat, ptr::null_mut());
    }
    Some(timer)
}

impl Drop for Requests {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            // SAFETY: the timer was created here and is deleted once.
            unsafe { libc::timer_delete(timer) };
        }
        let mut former = FORMER.lock().unwrap_or_else(PoisonError::into_inner);
        former.0 -= 1;
        if former.0 == 0 {
            former.1.drain(..).for_each(|(signal, was)| restore(signal, &was));
        }
    }
}
