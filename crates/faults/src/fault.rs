//! A signal as its handler is given it.

use libc::{c_int, siginfo_t, ucontext_t};

/// A signal, and the thread that it interrupted.
pub struct Fault<'a> {
    pub(crate) signal: c_int,
    pub(crate) info: &'a mut siginfo_t,
    pub(crate) context: &'a mut ucontext_t,
}

impl Fault<'_> {
    /// Its number.
    #[must_use]
    pub fn signal(&self) -> c_int {
        self.signal
    }

    /// What caused it: positive when it was the kernel, see sigaction(2).
    #[must_use]
    pub fn code(&self) -> c_int {
        self.info.si_code
    }

    /// The memory address that it is about.
    #[must_use]
    pub fn address(&self) -> usize {
        // SAFETY: all of a siginfo is readable; the field means something for faults alone.
        unsafe { self.info.si_addr() as usize }
    }

    /// Lets whoever is asked next see another memory address.
    pub fn set_address(&mut self, address: usize) {
        /// The beginning of a siginfo where the kernel reports a fault, see asm-generic/siginfo.h.
        #[repr(C)]
        struct AddressOfFault {
            signal: c_int,
            errno: c_int,
            code: c_int,
            address: usize,
        }
        let info: *mut siginfo_t = self.info;
        // SAFETY: the layout is the kernel's, and a siginfo is larger.
        unsafe { (*info.cast::<AddressOfFault>()).address = address };
    }

    /// The thread's registers and signal mask, as it will go on with them.
    pub fn context(&mut self) -> &mut ucontext_t {
        self.context
    }
}
