//! A forked child has none of the threads that a capture needs: it gets its windows back, is not
//! watched, and can have traces of its own.
//!
//! All that several threads change is held by the one that forks, so that the child does not find
//! it halfway.

use std::cell::UnsafeCell;
use std::io;
use std::sync::MutexGuard;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::known::{self, All};
use super::planner::{self, Planned};
use super::python::{self, Lines};
use super::shared::{Held, shared};
use super::step::this_thread;
use super::{guard, log};

/// In the order in which others take them that take more than one.
struct Everything {
    shared: Held,
    planner: MutexGuard<'static, ()>,
    planned: MutexGuard<'static, Vec<Planned>>,
    known: MutexGuard<'static, All>,
    lines: MutexGuard<'static, Lines>,
    pages: MutexGuard<'static, ()>,
}

struct Place(UnsafeCell<Option<Everything>>);

// SAFETY: only the thread uses it that holds what all traces share.
unsafe impl Sync for Place {}

static HELD: Place = Place(UnsafeCell::new(None));

/// The thread that holds everything, 0 for none.
static HOLDER: AtomicU64 = AtomicU64::new(0);

/// Sees to children from now on. It comes before anything is held: a fork that has begun without
/// the functions ends before they are there.
///
/// Two threads may both put them there, which does no harm; waiting for one another would, in a
/// child that has only one of the two.
pub(super) fn prepare() -> io::Result<()> {
    static IS_PREPARED: AtomicBool = AtomicBool::new(false);
    if IS_PREPARED.load(Ordering::Acquire) {
        return Ok(());
    }
    // SAFETY: the functions live as long as the process and may run at any fork.
    let result = unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    if result != 0 {
        return Err(io::Error::from_raw_os_error(result));
    }
    IS_PREPARED.store(true, Ordering::Release);
    Ok(())
}

unsafe extern "C" fn before() {
    if HOLDER.load(Ordering::Relaxed) == this_thread() {
        return;
    }
    let everything = Everything {
        shared: shared(),
        planner: planner::at_work(),
        planned: planner::planned(),
        known: known::all(),
        lines: python::lines(),
        pages: guard::changing(),
    };
    // SAFETY: what all traces share is held now.
    unsafe { *HELD.0.get() = Some(everything) };
    HOLDER.store(this_thread(), Ordering::Relaxed);
}

/// What this thread holds, if it has not been taken yet.
fn take_held() -> Option<Everything> {
    if HOLDER.load(Ordering::Relaxed) != this_thread() {
        return None;
    }
    HOLDER.store(0, Ordering::Relaxed);
    // SAFETY: this thread put it there, or the one that this is the copy of in the child.
    unsafe { (*HELD.0.get()).take() }
}

unsafe extern "C" fn in_parent() {
    let Some(everything) = take_held() else { return };
    if everything.shared.traces > 0 {
        // SAFETY: gettid(2) has no preconditions.
        let thread = unsafe { libc::gettid() };
        log::put(thread as u32, python::NONE, log::What::Forked);
    }
}

unsafe extern "C" fn in_child() {
    let Some(everything) = take_held() else { return };
    let Everything { mut shared, planner, mut planned, known, lines, pages } = everything;
    planned.clear();
    drop((planner, planned, known, lines, pages));
    shared.begin_anew();
}
