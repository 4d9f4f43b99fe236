//! A library for programs in any language that want a trace of their own windows: here, from
//! Python.
//!
//! ```python
//! watch = ctypes.CDLL("libown_windows.so")
//! watch.begin(ctypes.c_void_p(start), ctypes.c_size_t(length))
//! ...
//! watch.end(b"trace.jsonl")
//! ```

use std::ffi::{CStr, OsStr, c_char, c_void};
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, PoisonError};

use busprobe_capture::inprocess::{Region, Watching};
use busprobe_trace::jsonl;

static WATCHING: Mutex<Option<Watching>> = Mutex::new(None);

/// Watches `length` bytes at `start`; 0, or -1 when that cannot be done.
#[unsafe(no_mangle)]
pub extern "C" fn begin(start: *const c_void, length: usize) -> i32 {
    let name = "window".to_owned();
    let region = Region { name, base: None, start: start as u64, length: length as u64 };
    match Watching::start(&[region]) {
        Ok(watching) => {
            *WATCHING.lock().unwrap_or_else(PoisonError::into_inner) = Some(watching);
            0
        }
        Err(error) => failed(&error),
    }
}

/// Writes what was seen since, as JSON Lines; 0, or -1 when that cannot be done.
///
/// # Safety
/// `path` is a string of C.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn end(path: *const c_char) -> i32 {
    // SAFETY: by the caller.
    let path = OsStr::from_bytes(unsafe { CStr::from_ptr(path) }.to_bytes());
    let watching = WATCHING.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(watching) = watching else { return failed(&"nothing is watched") };
    let trace = match watching.finish() {
        Ok(trace) => trace,
        Err(error) => return failed(&error),
    };
    match File::create(path).and_then(|file| jsonl::write(&trace, file)) {
        Ok(()) => 0,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> i32 {
    eprintln!("own_windows: {error}");
    -1
}
