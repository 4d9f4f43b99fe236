//! The threads that are passing a signal on at this moment.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Enough for all threads that fault at the same time, and for some that never came back.
const MOST: usize = 64;

/// Which threads pass one signal on.
pub(crate) struct Passing([Place; MOST]);

struct Place {
    /// What `pthread_self` gives in it; 0 for none.
    thread: AtomicU64,
    /// Where the stack was in the handler.
    stack: AtomicUsize,
}

/// That a thread passes a signal on: its place.
pub(crate) struct Round(usize);

impl Passing {
    pub(crate) const fn new() -> Passing {
        Passing([const { Place { thread: AtomicU64::new(0), stack: AtomicUsize::new(0) } }; MOST])
    }

    /// This thread begins to; `None` when it does so already, further up its stack.
    ///
    /// A handler that jumps out of itself never comes back here; then the stack is not as deep as
    /// it was, and this is a new round.
    #[inline(never)]
    pub(crate) fn begin(&self) -> Option<Round> {
        // SAFETY: it has no preconditions.
        let this = unsafe { libc::pthread_self() } as u64;
        let here = 0_u8;
        let stack = std::ptr::from_ref(&here).addr();
        let own = self.find(|place| place.thread.load(Ordering::Relaxed) == this);
        if own.is_some_and(|own| stack < self.0[own].stack.load(Ordering::Relaxed)) {
            return None;
        }
        let free = || {
            self.find(|place| {
                let claimed =
                    place.thread.compare_exchange(0, this, Ordering::Relaxed, Ordering::Relaxed);
                claimed.is_ok()
            })
        };
        let number = own.or_else(free).unwrap_or(this as usize / 4096 % MOST);
        self.0[number].stack.store(stack, Ordering::Relaxed);
        self.0[number].thread.store(this, Ordering::Relaxed);
        Some(Round(number))
    }

    /// It has come back.
    pub(crate) fn end(&self, round: &Round) {
        self.0[round.0].thread.store(0, Ordering::Relaxed);
    }

    fn find(&self, is_it: impl Fn(&Place) -> bool) -> Option<usize> {
        self.0.iter().position(is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls it with that much more on the stack.
    #[inline(never)]
    fn deeper<T>(call: impl FnOnce() -> T) -> T {
        let room = std::hint::black_box([0_u8; 1024]);
        let result = call();
        std::hint::black_box(room);
        result
    }

    #[test]
    fn a_thread_that_comes_again_from_within_ends_the_round_whatever_others_do() {
        let passing = Passing::new();
        let round = passing.begin().expect("the first");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| passing.begin().is_some());
            assert!(other.join().unwrap(), "a round of its own");
        });
        assert!(deeper(|| passing.begin()).is_none());
        passing.end(&round);
        assert!(deeper(|| passing.begin()).is_some());
    }

    #[test]
    fn a_thread_that_jumped_out_of_its_handler_begins_anew() {
        let passing = Passing::new();
        assert!(deeper(|| passing.begin()).is_some());
        assert!(passing.begin().is_some());
    }
}
