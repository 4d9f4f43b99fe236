//! Where a signal goes that nobody here answers for.

use std::io;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{SIG_DFL, SIG_IGN, c_int, c_void, sigaction, siginfo_t};

use crate::Fault;
use crate::passing::Passing;

/// One signal, and the handlers that were there before.
pub(crate) struct Chain {
    pub(crate) signal: c_int,
    /// What was installed when we first came.
    first: AtomicPtr<sigaction>,
    /// What was installed when we last came, which may lead back to us.
    latest: AtomicPtr<sigaction>,
    passing: Passing,
}

/// What is installed for a signal.
pub(crate) fn current(signal: c_int) -> io::Result<sigaction> {
    // SAFETY: all zeros is a sigaction, and the call gets a valid pointer to it.
    unsafe {
        let mut action: sigaction = std::mem::zeroed();
        check(libc::sigaction(signal, ptr::null(), &raw mut action))?;
        Ok(action)
    }
}

impl Chain {
    pub(crate) const fn new(signal: c_int) -> Self {
        let (first, latest) = (AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut()));
        Chain { signal, first, latest, passing: Passing::new() }
    }

    /// Installs the handler, or puts it in front again when another came since.
    pub(crate) fn install(&self, handler: usize) -> io::Result<()> {
        static INSTALLING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let previous = current(self.signal)?;
        if previous.sa_sigaction == handler {
            return Ok(());
        }
        // Handlers read it whenever a signal comes, so it lives as long as the process.
        let previous = Box::leak(Box::new(previous));
        self.latest.store(previous, Ordering::SeqCst);
        let _ = self.first.compare_exchange(
            ptr::null_mut(),
            previous,
            Ordering::SeqCst,
            Ordering::SeqCst,
        );
        // SAFETY: all zeros is a sigaction; the calls get valid pointers to one.
        unsafe {
            let mut ours: sigaction = std::mem::zeroed();
            ours.sa_sigaction = handler;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            check(libc::sigfillset(&raw mut ours.sa_mask))?;
            check(libc::sigaction(self.signal, &raw const ours, ptr::null_mut()))
        }
    }

    /// Does with the signal what would have been done without us.
    pub(crate) fn pass_on(&self, fault: &mut Fault<'_>) {
        // A handler that was installed after us keeps us as its own previous one. When it hands
        // the signal on, the round has to end: the first handler has the last word.
        let round = self.passing.begin();
        let previous = if round.is_some() { &self.latest } else { &self.first };
        let previous = previous.load(Ordering::SeqCst);
        // SAFETY: `install` stored the pointers before it installed the handler, and never frees
        // them.
        let previous = unsafe { &*previous };
        let sent_by_kernel = fault.code() > 0;
        // Whoever comes next may raise the signal again and expect it at once.
        // SAFETY: the mask is the one that the thread had.
        unsafe {
            let mask = &raw const fault.context.uc_sigmask;
            libc::pthread_sigmask(libc::SIG_SETMASK, mask, ptr::null_mut());
        }
        let info: *mut siginfo_t = fault.info;
        let context: *mut libc::ucontext_t = fault.context;
        match previous.sa_sigaction {
            SIG_IGN if !sent_by_kernel => {}
            // A fault that is ignored ends the process as well: the kernel sees to that.
            SIG_DFL | SIG_IGN => {
                // SAFETY: restoring the default action; for a fault the instruction runs again
                // and meets it, and a signal that someone sent is sent again.
                unsafe {
                    libc::signal(self.signal, SIG_DFL);
                    if !sent_by_kernel {
                        libc::raise(self.signal);
                    }
                }
            }
            handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
                // SAFETY: a handler with SA_SIGINFO takes these three arguments.
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
                    unsafe { std::mem::transmute(handler) };
                handler(self.signal, info, context.cast());
            }
            handler => {
                // SAFETY: a handler without SA_SIGINFO takes the signal's number.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
                handler(self.signal);
            }
        }
        if let Some(round) = round {
            self.passing.end(&round);
        }
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
