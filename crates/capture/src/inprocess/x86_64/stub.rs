//! Room for instructions that run at another place than their own: one for each step, and one for
//! each plan.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{plan, step};

/// The longest instruction has 15, and a breakpoint comes after it.
const BYTES: usize = 64;

const ALL: usize = (step::MOST + plan::ENTRIES) * BYTES;

/// The same memory twice, for systems that forbid memory that is both writable and executable; 0
/// while there is none.
static WRITABLE: AtomicUsize = AtomicUsize::new(0);
static EXECUTABLE: AtomicUsize = AtomicUsize::new(0);

/// Makes the room, if there is none.
pub(super) fn prepare() -> io::Result<()> {
    if WRITABLE.load(Ordering::Acquire) == 0 {
        let (writable, executable) = map()?;
        EXECUTABLE.store(executable, Ordering::Release);
        WRITABLE.store(writable, Ordering::Release);
    }
    Ok(())
}

/// Forgets the room, which a forked child shares with its parent.
pub(super) fn abandon() {
    for start in [&WRITABLE, &EXECUTABLE].map(|start| start.swap(0, Ordering::AcqRel)) {
        if start != 0 {
            // SAFETY: it is our own mapping, of that size, and no step is under way.
            unsafe { libc::munmap(start as *mut _, ALL) };
        }
    }
}

fn map() -> io::Result<(usize, usize)> {
    // SAFETY: the name is a string of C; what it returns is a descriptor of our own.
    let file = unsafe {
        let fd = libc::memfd_create(c"busprobe-stubs".as_ptr(), libc::MFD_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(fd)
    };
    file.set_len(ALL as u64)?;
    let map = |protection| {
        // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
        let start = unsafe {
            let fd = file.as_raw_fd();
            libc::mmap(ptr::null_mut(), ALL, protection, libc::MAP_SHARED, fd, 0)
        };
        if start == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(start.addr()) }
    };
    Ok((map(libc::PROT_READ | libc::PROT_WRITE)?, map(libc::PROT_READ | libc::PROT_EXEC)?))
}

/// Room for one instruction.
#[derive(Clone, Copy)]
pub(super) struct Stub(usize);

impl Stub {
    /// That of the step in that slot.
    pub(super) fn of_step(slot: usize) -> Stub {
        Stub(slot)
    }

    /// That of the plan of that number.
    pub(super) fn of_plan(number: usize) -> Stub {
        Stub(step::MOST + number)
    }

    /// Where its code runs.
    pub(super) fn address(self) -> u64 {
        (EXECUTABLE.load(Ordering::Acquire) + self.0 * BYTES) as u64
    }

    /// Puts code there.
    pub(super) fn write(self, code: &[u8]) {
        assert!(code.len() <= BYTES, "one instruction");
        let place = (WRITABLE.load(Ordering::Acquire) + self.0 * BYTES) as *mut u8;
        // SAFETY: the place has that much room, and nobody runs what is there: the thread of the
        // step waits, and the plan is not known yet.
        unsafe { ptr::copy_nonoverlapping(code.as_ptr(), place, code.len()) };
    }
}
