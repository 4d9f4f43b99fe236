//! As much of a trace as is judged on the spot.

use std::io;

use busprobe_trace::{Record, Sink, Trace};

/// Enough for any block that someone wants judged at once; a longer trace goes to a file.
const MOST_EVENTS: usize = 300_000;

/// Keeps the first part of a trace in memory.
pub(crate) struct Keep {
    pub(crate) trace: Trace,
    pub(crate) dropped: u64,
}

impl Keep {
    pub(crate) fn new() -> Self {
        Keep { trace: Trace::new(busprobe_capture::native::Capture::header()), dropped: 0 }
    }
}

impl Sink for Keep {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        if let Record::Repeat(repeat) = record {
            return repeat.accesses().map(Record::Access).try_for_each(|access| self.put(&access));
        }
        let is_event = !matches!(record, Record::Trace(_) | Record::Window(_) | Record::Site(_));
        if is_event && self.trace.events.len() == MOST_EVENTS {
            self.dropped += 1;
            return Ok(());
        }
        self.trace.put(record)
    }
}
