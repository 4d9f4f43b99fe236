//! Waiting for another thread, where nothing but a system call may be used: futex(2).

use std::ptr;
use std::sync::atomic::AtomicU32;

/// Sleeps while `word` is `value`; may wake for no reason.
pub(super) fn wait(word: &AtomicU32, value: u32) {
    // SAFETY: the kernel reads the word, which lives as long as the call.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            value,
            ptr::null::<libc::timespec>(),
        );
    }
}

/// Wakes the one that sleeps on `word`.
pub(super) fn wake(word: &AtomicU32) {
    // SAFETY: the kernel takes the word's address and nothing else.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1,
        );
    }
}
