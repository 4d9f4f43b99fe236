//! Names a place in a program's bus trace, from within the program.
//!
//! ```
//! busprobe_mark::mark("reset");
//! ```
//! Under `busprobe trace` this is a mark in the trace, with the thread and the time. Otherwise it
//! is one system call that fails at once and changes nothing: 1.3 times as long as getppid(2),
//! measured over a million of each.
//!
//! The call is prctl(2) with an option that no kernel has, [`OPTION`]: a capture sees it, and every
//! system without a capture answers `EINVAL`. Programs in other languages can make it themselves:
//! `prctl(OPTION, text, length, SIGNATURE, SIGNATURE)`; 32-bit programs pass the lower half of the
//! signature.

/// The first argument of the call: `busp` as a big-endian number.
pub const OPTION: u32 = 0x6275_7370;

/// The fourth and fifth arguments of the call: `busmark!` as a big-endian number.
pub const SIGNATURE: u64 = 0x6275_736d_6172_6b21;

/// Bytes of the longest text; what follows is cut off.
pub const LONGEST: usize = 4000;

/// Puts a mark with this text, at most [`LONGEST`] bytes of it, into the trace, if there is one.
pub fn mark(text: &str) {
    call(&text[..text.floor_char_boundary(LONGEST)]);
}

#[cfg(target_os = "linux")]
fn call(text: &str) {
    let option = OPTION.cast_signed();
    let signature = SIGNATURE as libc::c_ulong;
    // SAFETY: where the calling thread's `errno` lies is always valid to it. The kernel knows no
    // such option, so it reads nothing; a capture reads the text while this thread waits.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        libc::prctl(option, text.as_ptr(), text.len(), signature, signature);
        *errno = before;
    }
}

#[cfg(not(target_os = "linux"))]
fn call(_: &str) {}
