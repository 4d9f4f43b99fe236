//! A forked child has none of the threads that a capture needs: it gets its windows back, is not
//! watched, and can have traces of its own.
//!
//! All that several threads change is held by the one that forks, so that the child does not find
//! it halfway.

use std::cell::UnsafeCell;
use std::io;
use std::sync::{MutexGuard, OnceLock};

use super::known::{self, All};
use super::planner::{self, Planned};
use super::python::{self, Lines};
use super::shared::{Held, shared};
use super::{guard, log};

/// In the order in which others take them that take more than one.
struct Everything {
    shared: Held,
    planned: MutexGuard<'static, Vec<Planned>>,
    known: MutexGuard<'static, All>,
    lines: MutexGuard<'static, Lines>,
    pages: MutexGuard<'static, ()>,
}

struct Place(UnsafeCell<Option<Everything>>);

// SAFETY: only the thread uses it that holds what all traces share.
unsafe impl Sync for Place {}

static HELD: Place = Place(UnsafeCell::new(None));

/// Sees to children from now on.
pub(super) fn prepare() -> io::Result<()> {
    static PREPARED: OnceLock<()> = OnceLock::new();
    if PREPARED.get().is_some() {
        return Ok(());
    }
    // SAFETY: the functions live as long as the process and may run at any fork.
    let result = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    if result != 0 {
        return Err(io::Error::from_raw_os_error(result));
    }
    let _ = PREPARED.set(());
    Ok(())
}

unsafe extern "C" fn before() {
    let everything = Everything {
        shared: shared(),
        planned: planner::planned(),
        known: known::all(),
        lines: python::lines(),
        pages: guard::changing(),
    };
    // SAFETY: what all traces share is held now.
    unsafe { *HELD.0.get() = Some(everything) };
}

unsafe extern "C" fn in_parent() {
    // SAFETY: this thread put it there.
    let Some(everything) = (unsafe { (*HELD.0.get()).take() }) else { return };
    if everything.shared.traces > 0 {
        // SAFETY: gettid(2) has no preconditions.
        let thread = unsafe { libc::gettid() };
        log::put(thread as u32, python::NONE, log::What::Forked);
    }
}

unsafe extern "C" fn in_child() {
    // SAFETY: as in the parent: it is the only thread here, and that one's copy.
    let Some(everything) = (unsafe { (*HELD.0.get()).take() }) else { return };
    let Everything { mut shared, mut planned, known, lines, pages } = everything;
    planned.clear();
    drop((planned, known, lines, pages));
    shared.begin_anew();
}
