//! Faults of our own access instructions become errors; all other faults stay what they were.
//!
//! The kernel reports a load or store that the bus refuses as SIGBUS, and one that the mapping
//! does not allow as SIGSEGV, on the thread that made it. The handler looks the instruction up in
//! the table of [`crate::asm`]. If it is listed, the thread goes on at the end of its block with
//! what happened in the status register; nothing else is touched, so it works in any thread, with
//! no state outside of that thread's registers. If it is not, the handler that was there before
//! decides.

use std::io;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};

use libc::{SIG_DFL, SIG_IGN, SIGBUS, SIGSEGV, c_int, c_void, sigaction, siginfo_t, ucontext_t};

use crate::Signal;
use crate::asm::{Status, entries};

/// `BUS_MCEERR_AO` of asm-generic/siginfo.h: memory went bad somewhere, at no particular access.
const BUS_MCEERR_AO: c_int = 5;

/// A run that a fault ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interrupted {
    /// Elements that were accessed before the one that failed.
    pub(crate) completed: usize,
    /// What the kernel sent.
    pub(crate) signal: Signal,
}

impl Interrupted {
    /// `status` is what the block gave back after `done` elements before it.
    #[cold]
    pub(crate) fn after(done: usize, status: Status) -> Self {
        let signal =
            if (status >> 8) as c_int == SIGBUS { Signal::Sigbus } else { Signal::Sigsegv };
        Interrupted { completed: done + Self::completed(status), signal }
    }

    /// How many accesses of its block came before the one that failed.
    pub(crate) fn completed(status: Status) -> usize {
        (status & 0xff) as usize - 1
    }
}

fn status(signal: c_int, index: u8) -> Status {
    (signal as Status) << 8 | (Status::from(index) + 1)
}

/// Where a signal goes that is not ours.
struct Chain {
    signal: c_int,
    /// What was installed when we first came.
    first: AtomicPtr<sigaction>,
    /// What was installed when we last came, which may lead back to us.
    latest: AtomicPtr<sigaction>,
    /// The thread that is passing a signal on, 0 for none.
    passing: AtomicI32,
}

impl Chain {
    const fn new(signal: c_int) -> Self {
        let (first, latest) = (AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut()));
        Chain { signal, first, latest, passing: AtomicI32::new(0) }
    }
}

static CHAINS: [Chain; 2] = [Chain::new(SIGBUS), Chain::new(SIGSEGV)];

/// Installs the handler, or puts it in front again when another came since.
///
/// # Errors
/// What sigaction(2) says.
pub(crate) fn install() -> io::Result<()> {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    CHAINS.iter().try_for_each(Chain::install)
}

impl Chain {
    fn install(&self) -> io::Result<()> {
        let handler = on_fault as extern "C" fn(_, _, _) as usize;
        // SAFETY: all zeros is a sigaction; the calls get valid pointers to one.
        unsafe {
            let mut previous: sigaction = std::mem::zeroed();
            check(libc::sigaction(self.signal, ptr::null(), &raw mut previous))?;
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
            let mut ours: sigaction = std::mem::zeroed();
            ours.sa_sigaction = handler;
            ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            check(libc::sigaction(self.signal, &raw const ours, ptr::null_mut()))
        }
    }

    /// Does with the signal what would have been done without us.
    ///
    /// # Safety
    /// Called from the handler of this signal with the handler's own arguments.
    unsafe fn pass_on(&self, info: *mut siginfo_t, context: *mut c_void) {
        // SAFETY: gettid(2) has no preconditions.
        let thread = unsafe { libc::gettid() };
        // A handler that was installed after us keeps us as its own previous one. When it hands
        // the signal on, the round has to end: the first handler has the last word.
        let again = self.passing.swap(thread, Ordering::SeqCst) == thread;
        let previous = if again { &self.first } else { &self.latest }.load(Ordering::SeqCst);
        // SAFETY: `install` stored the pointers before it installed the handler, and never frees
        // them; `info` is the kernel's.
        let (previous, sent_by_kernel) = unsafe { (&*previous, (*info).si_code > 0) };
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
                handler(self.signal, info, context);
            }
            handler => {
                // SAFETY: a handler without SA_SIGINFO takes the signal's number.
                let handler: extern "C" fn(c_int) = unsafe { std::mem::transmute(handler) };
                handler(self.signal);
            }
        }
        self.passing.store(0, Ordering::SeqCst);
    }
}

fn check(result: c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO valid pointers to both.
    let (code, thread) = unsafe { ((*info).si_code, &mut *context.cast::<ucontext_t>()) };
    let ours = code > 0 && !(signal == SIGBUS && code == BUS_MCEERR_AO);
    if ours && let Some(entry) = entries().iter().find(|e| e.instruction() == registers::pc(thread))
    {
        registers::resume(thread, entry.landing(), status(signal, entry.index));
        return;
    }
    if let Some(chain) = CHAINS.iter().find(|chain| chain.signal == signal) {
        // SAFETY: these are the handler's own arguments.
        unsafe { chain.pass_on(info, context) };
    }
}

/// A stopped thread's program counter, and the register that [`crate::asm`] keeps the status in.
#[cfg(target_arch = "x86_64")]
mod registers {
    use libc::{REG_RDX, REG_RIP, ucontext_t};

    pub(super) fn pc(thread: &ucontext_t) -> usize {
        thread.uc_mcontext.gregs[REG_RIP as usize] as usize
    }

    pub(super) fn resume(thread: &mut ucontext_t, at: usize, status: u64) {
        thread.uc_mcontext.gregs[REG_RIP as usize] = at as i64;
        thread.uc_mcontext.gregs[REG_RDX as usize] = status as i64;
    }
}

#[cfg(target_arch = "aarch64")]
mod registers {
    use libc::ucontext_t;

    pub(super) fn pc(thread: &ucontext_t) -> usize {
        thread.uc_mcontext.pc as usize
    }

    pub(super) fn resume(thread: &mut ucontext_t, at: usize, status: u64) {
        thread.uc_mcontext.pc = at as u64;
        thread.uc_mcontext.regs[9] = status;
    }
}

#[cfg(target_arch = "riscv64")]
mod registers {
    use libc::ucontext_t;

    pub(super) fn pc(thread: &ucontext_t) -> usize {
        thread.uc_mcontext.__gregs[0] as usize
    }

    pub(super) fn resume(thread: &mut ucontext_t, at: usize, status: u64) {
        thread.uc_mcontext.__gregs[0] = at as u64;
        thread.uc_mcontext.__gregs[5] = status;
    }
}
