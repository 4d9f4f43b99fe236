//! Ctrl-C and its kin while a program runs under capture.

/// While this lives, keys of the terminal that end a program reach the traced one and leave this
/// one alone.
pub(crate) struct TerminalSignals([(i32, libc::sighandler_t); 2]);

impl TerminalSignals {
    pub(crate) fn leave_to_program() -> TerminalSignals {
        TerminalSignals([libc::SIGINT, libc::SIGQUIT].map(|signal| {
            // SAFETY: ignoring a signal runs no code of ours.
            (signal, unsafe { libc::signal(signal, libc::SIG_IGN) })
        }))
    }
}

impl Drop for TerminalSignals {
    fn drop(&mut self) {
        for (signal, handler) in self.0 {
            // SAFETY: the handler was in force before.
            unsafe { libc::signal(signal, handler) };
        }
    }
}
