//! The emulated program's memory.

use std::ffi::c_void;

use busprobe_python_frames::{Memory, Part};

use crate::plugin::Plugin;

/// What the emulated program has in memory, by its own addresses, without what lies in a window.
///
/// It is QEMU's own memory too, but read through the kernel, which refuses an address that nothing
/// is mapped at.
pub(crate) struct GuestMemory<'a>(pub(crate) &'a Plugin);

impl Memory for GuestMemory<'_> {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        self.read_parts(&mut [Part { address, bytes }])
    }

    fn read_parts(&self, parts: &mut [Part<'_>]) -> bool {
        let layout = &self.0.layout;
        let is_in_window = |part: &Part<'_>| {
            let end = part.address.saturating_add(part.bytes.len() as u64);
            layout.find(part.address, end).is_some()
        };
        if parts.iter().any(is_in_window) {
            return false;
        }
        let host = |part: &Part<'_>| part.address.wrapping_add(self.0.guest_base());
        let there: Vec<libc::iovec> =
            parts.iter().map(|part| range(host(part) as *mut c_void, part.bytes.len())).collect();
        let here: Vec<libc::iovec> = parts
            .iter_mut()
            .map(|part| range(part.bytes.as_mut_ptr().cast(), part.bytes.len()))
            .collect();
        let count = parts.len() as libc::c_ulong;
        // SAFETY: the kernel writes at most as much to each of `here` as it has room for, and
        // `parts` borrows all of it.
        let read = unsafe {
            let (here, there) = (here.as_ptr(), there.as_ptr());
            libc::process_vm_readv(libc::getpid(), here, count, there, count, 0)
        };
        usize::try_from(read) == Ok(parts.iter().map(|part| part.bytes.len()).sum())
    }
}

fn range(start: *mut c_void, length: usize) -> libc::iovec {
    libc::iovec { iov_base: start, iov_len: length }
}
