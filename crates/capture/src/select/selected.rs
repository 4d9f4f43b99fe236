//! Records on their way into a trace that wants a part of them.

use std::collections::HashSet;
use std::io;

use busprobe_trace::{Access, Header, Loss, LossKind, Mark, Record, Repeat, Sink, Syscall};

use super::{Filter, Selection};

/// Passes on what is wanted, renumbered, and counts the rest.
pub struct Selected<S> {
    sink: S,
    selection: Selection,
    has_started: bool,
    has_stopped: bool,
    /// The sites of modules that are not wanted.
    elsewhere: HashSet<u32>,
    seq: u64,
    accesses: u64,
    before_start: u64,
    filtered_out: u64,
}

impl<S: Sink> Selected<S> {
    /// Passes on to `sink`.
    pub fn new(selection: Selection, sink: S) -> Self {
        Selected {
            sink,
            has_started: selection.start.is_none(),
            has_stopped: selection.limit == Some(0),
            selection,
            elsewhere: HashSet::new(),
            seq: 0,
            accesses: 0,
            before_start: 0,
            filtered_out: 0,
        }
    }

    /// How many accesses were passed on.
    pub fn accesses(&self) -> u64 {
        self.accesses
    }

    /// Says what was left out, and gives the sink back with what it said to that.
    #[must_use = "the sink may have failed"]
    pub fn finish(mut self) -> (S, io::Result<()>) {
        let finished = self.say_what_was_left_out();
        (self.sink, finished)
    }

    fn say_what_was_left_out(&mut self) -> io::Result<()> {
        let words = self.selection.words.clone().unwrap_or_default();
        if self.before_start > 0 {
            let detail = format!("what came before the start is not in the trace: {words}");
            self.loss(&detail, self.before_start)?;
        }
        if self.filtered_out > 0 {
            let detail = format!("what was filtered out is not in the trace: {words}");
            self.loss(&detail, self.filtered_out)?;
        }
        self.sink.flush()
    }

    fn loss(&mut self, detail: &str, count: u64) -> io::Result<()> {
        let noun = if count == 1 { "access" } else { "accesses" };
        let detail = format!("{detail} ({count} {noun})");
        let seq = self.next_seq();
        self.sink.put(&Record::Loss(Loss {
            seq,
            kind: LossKind::Missed,
            detail,
            count: Some(count),
        }))
    }

    fn access(&mut self, access: &Access) -> io::Result<()> {
        let Selection { filter, start, stop, limit, .. } = &self.selection;
        self.has_started |= start.as_ref().is_some_and(|start| start.is_access(access));
        if !self.has_started {
            self.before_start += 1;
            return Ok(());
        }
        let stops = stop.as_ref().is_some_and(|stop| stop.is_access(access));
        let is_elsewhere = match access.site {
            Some(site) => self.elsewhere.contains(&site),
            None => !filter.modules.is_empty(),
        };
        let is_wanted = filter.takes(access) && !is_elsewhere;
        self.has_stopped = stops || is_wanted && *limit == Some(self.accesses + 1);
        if !is_wanted {
            self.filtered_out += 1;
            return Ok(());
        }
        self.accesses += 1;
        let seq = self.next_seq();
        self.sink.put(&Record::Access(Access { seq, ..access.clone() }))
    }

    /// As one record when all of it is wanted for sure, access by access otherwise.
    fn repeat(&mut self, repeat: &Repeat) -> io::Result<()> {
        let Selection { filter, stop, limit, .. } = &self.selection;
        let takes_all = *filter == Filter::default() && stop.is_none() && limit.is_none();
        if !takes_all || !self.has_started {
            let mut accesses = repeat.accesses();
            return accesses.try_for_each(|access| self.put(&Record::Access(access)));
        }
        let count = u64::from(repeat.count);
        let first = Access { seq: self.seq, ..repeat.first.clone() };
        self.seq += count;
        self.accesses += count;
        self.sink.put(&Record::Repeat(Repeat { first, ..repeat.clone() }))
    }

    fn syscall(&mut self, syscall: &Syscall) -> io::Result<()> {
        if !self.has_started {
            self.before_start += 1;
        } else if self.selection.filter.takes_syscall(syscall) {
            let seq = self.next_seq();
            return self.sink.put(&Record::Syscall(Syscall { seq, ..syscall.clone() }));
        } else {
            self.filtered_out += 1;
        }
        Ok(())
    }

    fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        let Selection { start, stop, .. } = &self.selection;
        self.has_started |= start.as_ref().is_some_and(|start| start.is_mark(mark));
        if !self.has_started {
            return Ok(());
        }
        self.has_stopped = stop.as_ref().is_some_and(|stop| stop.is_mark(mark));
        let seq = self.next_seq();
        self.sink.put(&Record::Mark(Mark { seq, ..mark.clone() }))
    }

    fn next_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }
}

impl<S: Sink> Sink for Selected<S> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        match record {
            Record::Trace(header) => {
                let selection = self.selection.words.clone();
                self.sink.put(&Record::Trace(Header { selection, ..header.clone() }))
            }
            Record::Site(site) => {
                if !self.selection.filter.takes_site(site) {
                    self.elsewhere.insert(site.id);
                }
                self.sink.put(record)
            }
            // What was not seen may have been wanted.
            Record::Loss(loss) => {
                let seq = self.next_seq();
                self.sink.put(&Record::Loss(Loss { seq, ..loss.clone() }))
            }
            Record::Access(_) | Record::Repeat(_) | Record::Syscall(_) | Record::Mark(_)
                if self.has_stopped =>
            {
                Ok(())
            }
            Record::Repeat(repeat) => self.repeat(repeat),
            Record::Access(access) => self.access(access),
            Record::Syscall(syscall) => self.syscall(syscall),
            Record::Mark(mark) => self.mark(mark),
            Record::Window(_) => self.sink.put(record),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn wants_more(&self) -> bool {
        !self.has_stopped && self.sink.wants_more()
    }
}
