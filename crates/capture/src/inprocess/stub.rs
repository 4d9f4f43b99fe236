//! Room for instructions that cannot run at their own place: 64 bytes for each step.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::sync::OnceLock;

use super::step;

/// The longest instruction has 15.
const BYTES: usize = 64;

/// The same memory twice, for systems that forbid memory that is both writable and executable.
struct Stubs {
    writable: usize,
    executable: usize,
}

static STUBS: OnceLock<Stubs> = OnceLock::new();

/// Makes the room, once for the process.
pub(super) fn prepare() -> io::Result<()> {
    if STUBS.get().is_none() {
        let _ = STUBS.set(Stubs::new()?);
    }
    Ok(())
}

impl Stubs {
    fn new() -> io::Result<Stubs> {
        let length = step::MOST * BYTES;
        // SAFETY: the name is a string of C; what it returns is a descriptor of our own.
        let file = unsafe {
            let fd = libc::memfd_create(c"busprobe-stubs".as_ptr(), libc::MFD_CLOEXEC);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            File::from_raw_fd(fd)
        };
        file.set_len(length as u64)?;
        let map = |protection| {
            // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
            let start = unsafe {
                let fd = file.as_raw_fd();
                libc::mmap(ptr::null_mut(), length, protection, libc::MAP_SHARED, fd, 0)
            };
            if start == libc::MAP_FAILED {
                Err(io::Error::last_os_error())
            } else {
                Ok(start.addr())
            }
        };
        Ok(Stubs {
            writable: map(libc::PROT_READ | libc::PROT_WRITE)?,
            executable: map(libc::PROT_READ | libc::PROT_EXEC)?,
        })
    }
}

fn stubs() -> &'static Stubs {
    STUBS.get().expect("made before anything is watched")
}

/// Where the code of a slot's step runs.
pub(super) fn address(slot: usize) -> u64 {
    (stubs().executable + slot * BYTES) as u64
}

/// Puts the code there.
pub(super) fn write(slot: usize, code: &[u8]) {
    assert!(code.len() <= BYTES, "one instruction");
    let place = (stubs().writable + slot * BYTES) as *mut u8;
    // SAFETY: the place has that much room and is this slot's; its thread waits meanwhile.
    unsafe { ptr::copy_nonoverlapping(code.as_ptr(), place, code.len()) };
}
