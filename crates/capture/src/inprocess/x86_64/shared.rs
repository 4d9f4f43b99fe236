//! What all traces of a process share.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::planner::{self, Planner};
use super::signals::Waiting;
use super::span::Spans;
use super::{handler, log, plan, python, step, stub};
use crate::inprocess::Error;
use crate::native::arch;

pub(super) struct Shared {
    pub(super) spans: Spans,
    planner: Option<Planner>,
    pub(super) traces: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared { spans: Spans::new(), planner: None, traces: 0 });

/// It, in the hands of one thread.
pub(super) struct Held {
    shared: MutexGuard<'static, Shared>,
    _signals: Waiting,
}

/// Waits for it. Not for handlers, and only where forks are [seen to](super::fork::prepare).
pub(super) fn shared() -> Held {
    let signals = Waiting::begin();
    Held { shared: SHARED.lock().unwrap_or_else(PoisonError::into_inner), _signals: signals }
}

impl Deref for Held {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Shared {
        &mut self.shared
    }
}

impl Shared {
    /// One trace more.
    pub(super) fn enter(&mut self) -> Result<(), Error> {
        handler::install()?;
        if self.planner.is_none() {
            stub::prepare().map_err(Error::refused("memory for code"))?;
            arch::prepare();
            python::prepare();
            self.planner = Some(Planner::start().map_err(Error::refused("a thread"))?);
        }
        self.traces += 1;
        Ok(())
    }

    /// One trace less; after the last, nothing of it is left.
    pub(super) fn leave(&mut self) {
        self.traces -= 1;
        if self.traces == 0 {
            self.planner.take().into_iter().for_each(Planner::stop);
            log::clear();
            planner::planned().clear();
        }
    }

    /// As it was before the first trace: in a forked child, which has none of the threads.
    pub(super) fn begin_anew(&mut self) {
        step::abandon();
        self.spans.abandon();
        // There is no thread to wait for, nor to let go of.
        mem::forget(self.planner.take());
        plan::abandon();
        stub::abandon();
        log::clear();
        self.traces = 0;
    }
}
