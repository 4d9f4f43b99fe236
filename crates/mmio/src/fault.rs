//! Faults of our own access instructions become errors; all other faults stay what they were.
//!
//! The kernel reports a load or store that the bus refuses as SIGBUS, and one that the mapping
//! does not allow as SIGSEGV, on the thread that made it. The instruction is looked up in the
//! table of [`crate::asm`]. If it is listed, the thread goes on at the end of its block with what
//! happened in the status register; nothing else is touched, so it works in any thread, with no
//! state outside of that thread's registers.

use std::io;

use busprobe_faults::{Fault, Turn};
use libc::{SIGBUS, SIGSEGV, c_int};

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

/// Has such faults answered from now on.
///
/// # Errors
/// What sigaction(2) says.
pub(crate) fn install() -> io::Result<()> {
    busprobe_faults::answer(&[SIGBUS, SIGSEGV], Turn::Second, answer)
}

fn answer(fault: &mut Fault<'_>) -> bool {
    let (signal, code) = (fault.signal(), fault.code());
    let is_of_an_access =
        (signal == SIGSEGV || signal == SIGBUS && code != BUS_MCEERR_AO) && code > 0;
    let thread = fault.context();
    let entry = entries().iter().find(|e| e.instruction() == registers::pc(thread));
    let Some(entry) = entry.filter(|_| is_of_an_access) else { return false };
    registers::resume(thread, entry.landing(), status(signal, entry.index));
    true
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
