//! Where records go.

use std::ffi::CString;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

use busprobe_qemu_stream::{Record, frame};

/// The pipe. A record is one write, which the system does not mix with another's (pipe(7)), so
/// threads and forked processes need no lock.
pub(crate) struct Output {
    path: CString,
    descriptor: AtomicI32,
}

/// The pipe's descriptor is kept near this number: the emulated program has the same descriptors,
/// and takes the lowest free one.
const OUT_OF_THE_WAY: libc::c_int = 1000;

impl Output {
    /// Opens the pipe.
    pub(crate) fn open(path: &str) -> io::Result<Output> {
        let path = CString::new(path)?;
        let descriptor = AtomicI32::new(open(&path)?);
        Ok(Output { path, descriptor })
    }

    /// Writes a record. When the emulated program has closed the descriptor, as programs do that
    /// close all they did not open, the pipe is opened again.
    pub(crate) fn put(&self, record: &Record) {
        let bytes = frame(record);
        if write(self.descriptor.load(Ordering::Relaxed), &bytes) == Err(Some(libc::EBADF))
            && let Ok(descriptor) = open(&self.path)
        {
            self.descriptor.store(descriptor, Ordering::Relaxed);
            let _ = write(descriptor, &bytes);
        }
    }
}

fn open(path: &CString) -> io::Result<i32> {
    // SAFETY: the path ends in NUL, and the descriptors are this function's own.
    unsafe {
        let opened = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if opened < 0 {
            return Err(io::Error::last_os_error());
        }
        let moved = libc::fcntl(opened, libc::F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
        if moved < 0 {
            return Ok(opened);
        }
        libc::close(opened);
        Ok(moved)
    }
}

fn write(descriptor: i32, bytes: &[u8]) -> Result<(), Option<i32>> {
    loop {
        // SAFETY: the buffer is valid for its length.
        if unsafe { libc::write(descriptor, bytes.as_ptr().cast(), bytes.len()) } >= 0 {
            return Ok(());
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EINTR) => {}
            error => return Err(error),
        }
    }
}
