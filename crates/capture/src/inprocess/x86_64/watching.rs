//! A trace of this process's own windows, from its start to its end.

use busprobe_trace::{Event, Loss, LossKind, Trace};

use super::planner::{self, Planned};
use super::records::Records;
use super::shared::shared;
use super::{fork, handler, log, python};
use crate::inprocess::{Error, Region};

/// Windows of this process that are being watched, until [`Watching::finish`], or until it is
/// dropped.
///
/// Several can watch at a time, also the same window.
pub struct Watching {
    regions: Vec<Region>,
    spans: Vec<usize>,
    /// The number of its first note.
    from: u64,
    /// The time that the trace counts from.
    start: u64,
    process: u32,
    is_over: bool,
}

impl Watching {
    /// Watches regions of this process's memory. What is there stays as it is, and is not
    /// accessed; other things in the same pages are not recorded.
    ///
    /// The regions must stay mapped meanwhile.
    ///
    /// # Errors
    /// When one is not mapped, or not shared, or cannot be mapped a second time: [`Error`].
    pub fn start(regions: &[Region]) -> Result<Watching, Error> {
        fork::prepare().map_err(Error::refused("pthread_atfork"))?;
        let mut shared = shared();
        shared.enter()?;
        let spans = match shared.spans.take(regions) {
            Ok(spans) => spans,
            Err(error) => {
                shared.leave();
                return Err(error);
            }
        };
        Ok(Watching {
            regions: regions.to_vec(),
            spans,
            from: log::next(),
            start: log::now(),
            process: std::process::id(),
            is_over: false,
        })
    }

    /// What was seen so far.
    #[must_use]
    pub fn so_far(&self) -> Trace {
        let records = Records::new(&self.regions, self.start);
        if self.process != std::process::id() {
            return in_child(records);
        }
        let _stays_as_it_is = shared();
        let mut trace = records.of(self.from..log::next());
        if !handler::is_in_front() {
            let detail = "another handler for SIGSEGV, SIGBUS, SIGFPE or SIGTRAP was installed \
                          meanwhile, such as by faulthandler.enable(): what came after that is not \
                          in the trace";
            push_loss(&mut trace, detail);
        }
        trace
    }

    /// Gives the windows back as they were, and what was seen.
    ///
    /// # Errors
    /// When the system does not give a window back: the program cannot use it any more.
    pub fn finish(mut self) -> Result<Trace, Error> {
        self.give_back()?;
        let trace = self.so_far();
        self.leave();
        Ok(trace)
    }

    /// The windows are the program's again; what was seen is still there.
    fn give_back(&mut self) -> Result<(), Error> {
        let spans = std::mem::take(&mut self.spans);
        if self.process == std::process::id() { shared().spans.give_back(&spans) } else { Ok(()) }
    }

    fn leave(&mut self) {
        if !std::mem::replace(&mut self.is_over, true) && self.process == std::process::id() {
            shared().leave();
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = self.give_back();
        self.leave();
    }
}

/// Puts a mark with this text into all traces that are under way; not for signal handlers.
pub fn mark(text: &str) {
    if fork::prepare().is_ok() && shared().traces > 0 {
        // SAFETY: gettid(2) has no preconditions.
        let thread = unsafe { libc::gettid() };
        planner::note(thread as u32, python::NONE, Planned::Mark(text.to_owned()));
    }
}

/// A forked child has no trace of its own.
fn in_child(records: Records<'_>) -> Trace {
    let mut trace = records.of(0..0);
    push_loss(
        &mut trace,
        "this process was forked while it was watched: its own accesses are not seen",
    );
    trace
}

fn push_loss(trace: &mut Trace, detail: &str) {
    let seq = trace.events.len() as u64;
    let (kind, detail) = (LossKind::NotWatched, detail.to_owned());
    trace.events.push(Event::Loss(Loss { seq, kind, detail, count: None }));
}
