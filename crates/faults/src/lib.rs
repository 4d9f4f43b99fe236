//! One signal handler for the faults of a process, and those who answer for them.
//!
//! A signal has one handler in the whole process. Here that is this crate's, in front of whatever
//! was there before; behind it stand [`Answer`]s, who are asked in a fixed order whether a fault
//! is theirs. What is nobody's goes to the handler that was there before, as if this one had never
//! been installed.

mod chain;
mod fault;
mod passing;

use std::io;
use std::mem;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{c_int, c_void, siginfo_t, ucontext_t};

use chain::Chain;
pub use fault::Fault;

/// Looks at a fault and says whether it has dealt with it: the thread then goes on as the fault's
/// context has it.
///
/// It runs in a signal handler, with all signals blocked: it may do what signal-safety(7) allows.
pub type Answer = fn(&mut Fault<'_>) -> bool;

/// When an answer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Before the other: it knows faults that are none for anyone else.
    First,
    /// After the other.
    Second,
}

static ANSWERS: [AtomicPtr<()>; 2] = [const { AtomicPtr::new(std::ptr::null_mut()) }; 2];

static CHAINS: [Chain; 4] = [
    Chain::new(libc::SIGBUS),
    Chain::new(libc::SIGFPE),
    Chain::new(libc::SIGSEGV),
    Chain::new(libc::SIGTRAP),
];

/// Has `answer` asked about these signals from now on, and puts the handler in front again where
/// another came since. One answer a turn: a later one takes the place of an earlier one.
///
/// # Errors
/// What sigaction(2) says.
///
/// # Panics
/// When one of `signals` is not among SIGBUS, SIGFPE, SIGSEGV and SIGTRAP.
pub fn answer(signals: &[c_int], turn: Turn, answer: Answer) -> io::Result<()> {
    ANSWERS[turn as usize].store(answer as *mut (), Ordering::SeqCst);
    signals.iter().try_for_each(|&signal| {
        let chain = chain(signal).expect("a signal that is handled here");
        chain.install(on_signal as extern "C" fn(_, _, _) as usize)
    })
}

/// Whether the signal still comes here first: another handler may have been installed since.
#[must_use]
pub fn is_in_front(signal: c_int) -> bool {
    chain::current(signal)
        .is_ok_and(|action| action.sa_sigaction == on_signal as extern "C" fn(_, _, _) as usize)
}

fn chain(signal: c_int) -> Option<&'static Chain> {
    CHAINS.iter().find(|chain| chain.signal == signal)
}

extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO valid pointers to both, for as long as
    // the handler runs.
    let (info, context) = unsafe { (&mut *info, &mut *context.cast::<ucontext_t>()) };
    // SAFETY: each thread has its own errno.
    let errno = unsafe { *libc::__errno_location() };
    let mut fault = Fault { signal, info, context };
    let is_answered = ANSWERS.iter().any(|slot| {
        let answer = slot.load(Ordering::SeqCst);
        // SAFETY: only functions of this type are stored there.
        !answer.is_null() && unsafe { mem::transmute::<*mut (), Answer>(answer) }(&mut fault)
    });
    if let (false, Some(chain)) = (is_answered, chain(signal)) {
        chain.pass_on(&mut fault);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
