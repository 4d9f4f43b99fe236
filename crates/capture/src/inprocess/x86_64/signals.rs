//! Having signals wait.

use std::{mem, ptr};

use libc::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, c_int};

/// What an instruction itself can cause cannot wait.
pub(super) const CAUSED_BY_INSTRUCTIONS: [c_int; 5] = [SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP];

/// All other signals wait in this thread for as long as this lives: their handlers might use a
/// window, and wait in turn for something that the thread has locked.
pub(super) struct Waiting {
    /// The signals that the thread itself blocks.
    own: libc::sigset_t,
}

impl Waiting {
    pub(super) fn begin() -> Waiting {
        // SAFETY: all zeros is a mask, and the calls get valid pointers to masks.
        unsafe {
            let (mut all, mut own) = (mem::zeroed(), mem::zeroed());
            libc::sigfillset(&raw mut all);
            for signal in CAUSED_BY_INSTRUCTIONS {
                libc::sigdelset(&raw mut all, signal);
            }
            libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut own);
            Waiting { own }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // SAFETY: the call gets a valid pointer to a mask.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.own, ptr::null_mut()) };
    }
}
