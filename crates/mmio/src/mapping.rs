//! A mapping of a region into the process, with the page arithmetic inside.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

/// The system's page size in bytes.
pub(crate) fn page_size() -> u64 {
    static PAGE_SIZE: OnceLock<u64> = OnceLock::new();
    // SAFETY: sysconf(3) has no preconditions.
    *PAGE_SIZE.get_or_init(|| unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64)
}

/// A shared mapping, unmapped when dropped. It never gives out a reference: what is behind it may
/// be a device.
pub(crate) struct Mapping {
    /// The first page.
    pages: NonNull<libc::c_void>,
    /// Bytes from the first page on.
    mapped: usize,
    /// From the first page to the first byte asked for.
    lead: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: it has no methods that change it.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes from `offset` of the file, or of nothing: zeroed memory.
    pub(crate) fn new(
        file: Option<&File>,
        offset: u64,
        length: usize,
        writable: bool,
    ) -> io::Result<Self> {
        let lead = (offset % page_size()) as usize;
        let beyond = || io::Error::from(io::ErrorKind::InvalidInput);
        let mapped = length.checked_add(lead).ok_or_else(beyond)?;
        let from = libc::off_t::try_from(offset - lead as u64).map_err(|_| beyond())?;
        let protection =
            if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        let flags = match file {
            Some(_) => libc::MAP_SHARED,
            None => libc::MAP_SHARED | libc::MAP_ANONYMOUS,
        };
        let fd = file.map_or(-1, File::as_raw_fd);
        // SAFETY: a new mapping at a place that the kernel chooses disturbs nothing.
        let pages = unsafe { libc::mmap(ptr::null_mut(), mapped, protection, flags, fd, from) };
        if pages == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let pages = NonNull::new(pages).ok_or_else(beyond)?;
        Ok(Mapping { pages, mapped, lead })
    }

    /// The first byte that was asked for.
    pub(crate) fn start(&self) -> *mut u8 {
        self.pages.as_ptr().cast::<u8>().wrapping_add(self.lead)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the pages are this mapping's own, and nothing refers to them any more.
        unsafe { libc::munmap(self.pages.as_ptr(), self.mapped) };
    }
}
