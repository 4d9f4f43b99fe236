//! Numbering records and handing them on.

use std::collections::HashSet;
use std::io;
use std::time::{Duration, Instant};

use busprobe_trace::{Access, Loss, LossKind, Mark, Record, Repeat, Sink, Site, Syscall};

use super::ptrace::Tid;

/// While the program keeps the capture busy, others can read the trace up to so many records ago.
const RECORDS_UNFLUSHED: u32 = 1000;
/// And up to so long ago.
const TIME_UNFLUSHED: Duration = Duration::from_millis(500);

/// Hands records to the sink until it fails.
pub(crate) struct Recorder<'a> {
    sink: &'a mut dyn Sink,
    error: Option<io::Error>,
    start: Instant,
    seq: u64,
    unflushed: u32,
    flushed: Instant,
    said: HashSet<String>,
    accesses: u64,
    syscalls: u64,
    losses: u64,
}

/// How many records there were, and why the sink took no more.
pub(crate) struct Recorded {
    pub(crate) accesses: u64,
    pub(crate) syscalls: u64,
    pub(crate) losses: u64,
    pub(crate) error: Option<io::Error>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(sink: &'a mut dyn Sink) -> Recorder<'a> {
        Recorder {
            sink,
            error: None,
            start: Instant::now(),
            seq: 0,
            unflushed: 0,
            flushed: Instant::now(),
            said: HashSet::new(),
            accesses: 0,
            syscalls: 0,
            losses: 0,
        }
    }

    pub(crate) fn put(&mut self, record: &Record) {
        if self.error.is_some() {
            return;
        }
        if let Err(error) = self.sink.put(record) {
            self.error = Some(error);
            return;
        }
        self.unflushed += 1;
        if self.unflushed >= RECORDS_UNFLUSHED {
            self.flush();
        }
    }

    pub(crate) fn site(&mut self, site: Site) {
        self.put(&Record::Site(site));
    }

    /// Takes an access whose number and time are still to be filled in.
    pub(crate) fn access(&mut self, access: &Access) {
        self.accesses += 1;
        let (seq, time_ns) = self.now();
        self.put(&Record::Access(Access { seq, time_ns, ..access.clone() }));
    }

    /// Takes many accesses whose first one's number and time are still to be filled in.
    pub(crate) fn repeat(&mut self, repeat: Repeat) {
        let (seq, time_ns) = self.now();
        self.seq = seq + u64::from(repeat.count);
        self.accesses += u64::from(repeat.count);
        let first = Access { seq, time_ns, ..repeat.first };
        self.put(&Record::Repeat(Repeat { first, ..repeat }));
    }

    pub(crate) fn syscall(
        &mut self,
        thread: Tid,
        name: &str,
        window: u32,
        offset: u64,
        length: u64,
    ) {
        self.syscalls += 1;
        let (seq, time_ns) = self.now();
        let name = name.to_owned();
        let thread = thread as u32;
        self.put(&Record::Syscall(Syscall { seq, name, window, offset, length, thread, time_ns }));
    }

    pub(crate) fn mark(&mut self, thread: Tid, text: String) {
        let (seq, time_ns) = self.now();
        self.put(&Record::Mark(Mark { seq, text, thread: thread as u32, time_ns }));
    }

    /// Says that something was not seen; the same sentence only once.
    pub(crate) fn loss(&mut self, kind: LossKind, detail: impl Into<String>) {
        let detail = detail.into();
        if !self.said.insert(detail.clone()) {
            return;
        }
        self.losses += 1;
        let (seq, _) = self.now();
        self.put(&Record::Loss(Loss { seq, kind, detail, count: None }));
    }

    /// Whether more accesses are of use: not when the trace is complete, or cannot be kept.
    pub(crate) fn wants_more(&self) -> bool {
        self.error.is_none() && self.sink.wants_more()
    }

    fn now(&mut self) -> (u64, Option<u64>) {
        let seq = self.seq;
        self.seq += 1;
        (seq, u64::try_from(self.start.elapsed().as_nanos()).ok())
    }

    /// As [`Recorder::flush`], when that has not been done for long.
    pub(crate) fn flush_in_time(&mut self) {
        if self.unflushed > 0 && self.flushed.elapsed() >= TIME_UNFLUSHED {
            self.flush();
        }
    }

    /// Makes the trace readable up to the last record.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.unflushed) == 0 || self.error.is_some() {
            return;
        }
        self.flushed = Instant::now();
        if let Err(error) = self.sink.flush() {
            self.error = Some(error);
        }
    }

    pub(crate) fn finish(mut self) -> Recorded {
        self.flush();
        Recorded {
            accesses: self.accesses,
            syscalls: self.syscalls,
            losses: self.losses,
            error: self.error,
        }
    }
}
