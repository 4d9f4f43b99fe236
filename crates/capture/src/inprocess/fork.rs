//! A forked child has none of the threads that a capture needs: it gets its windows back, and is
//! not watched.

use std::io;
use std::sync::OnceLock;

use super::{guard, log, step};

/// Sees to children from now on.
pub(super) fn prepare() -> io::Result<()> {
    static PREPARED: OnceLock<()> = OnceLock::new();
    if PREPARED.get().is_some() {
        return Ok(());
    }
    // SAFETY: the functions live as long as the process and may run at any fork.
    let result = unsafe { libc::pthread_atfork(None, Some(in_parent), Some(in_child)) };
    if result != 0 {
        return Err(io::Error::from_raw_os_error(result));
    }
    let _ = PREPARED.set(());
    Ok(())
}

unsafe extern "C" fn in_parent() {
    // SAFETY: gettid(2) has no preconditions.
    let thread = unsafe { libc::gettid() };
    log::put(thread as u32, log::What::Forked);
}

unsafe extern "C" fn in_child() {
    guard::abandon();
    step::abandon();
}
