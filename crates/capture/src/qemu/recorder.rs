//! From the plugin's stream to the records of a trace.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io;
use std::time::{Duration, Instant};

use busprobe_qemu_stream as stream;
use busprobe_trace::{Access, Data, Direction, Loss, LossKind, Mark, Record, Sink, Syscall};

use super::join::{Joined, Joiner, Ready};
use super::sites::Sites;
use super::syscalls;
use crate::{Outcome, Watch};

/// Others can read a trace up to at most so long ago.
const TIME_UNFLUSHED: Duration = Duration::from_millis(200);

/// Follows a stream and hands records on, until the sink fails.
pub(crate) struct Recorder<'a> {
    sink: &'a mut dyn Sink,
    error: Option<io::Error>,
    watches: &'a [Watch],
    arch: &'a str,
    /// `CLOCK_MONOTONIC` when the capture began.
    start_ns: u64,
    flushed: Instant,
    seq: u64,
    sites: Sites,
    joiner: Joiner<Between>,
    /// Whether QEMU told the data of each access.
    values: bool,
    /// Threads that accessed a window.
    threads: HashSet<u32>,
    /// Processes that became other programs.
    left: BTreeSet<u32>,
    /// How often an instruction ran whose accesses QEMU does not place, by site.
    unplaced: BTreeMap<String, u64>,
    said: HashSet<String>,
    outcome: Outcome,
}

/// What happens between accesses.
#[derive(Debug)]
enum Between {
    Syscall(Syscall),
    Mark(Mark),
    Loss(LossKind, String),
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        sink: &'a mut dyn Sink,
        watches: &'a [Watch],
        arch: &'a str,
        sites: Sites,
        start_ns: u64,
    ) -> Recorder<'a> {
        Recorder {
            sink,
            error: None,
            watches,
            arch,
            start_ns,
            flushed: Instant::now(),
            seq: 0,
            sites,
            joiner: Joiner::new(),
            values: false,
            threads: HashSet::new(),
            left: BTreeSet::new(),
            unplaced: BTreeMap::new(),
            said: HashSet::new(),
            outcome: Outcome::default(),
        }
    }

    /// Takes one record of the stream.
    pub(crate) fn take(&mut self, record: stream::Record) {
        match record {
            stream::Record::Start(start) => self.values = start.values,
            stream::Record::Site(told) => self.sites.learn(&told),
            stream::Record::Python(told) => self.sites.learn_line(told),
            stream::Record::Access(step) => self.joiner.step(step),
            stream::Record::Syscall(call) => self.syscall(&call),
            stream::Record::Mark(mark) => self.joiner.other(Between::Mark(Mark {
                seq: 0,
                text: String::from_utf8_lossy(&mark.text).into_owned(),
                thread: mark.thread,
                time_ns: Some(mark.time_ns.saturating_sub(self.start_ns)),
            })),
            stream::Record::Mapped { shared: true, .. } => {}
            stream::Record::Mapped { watch, shared: false, .. } => {
                let name = self.watches.get(watch as usize).map_or("?", |watch| &watch.name);
                let detail = format!("a private mapping of {name} is a copy of it: not watched");
                self.joiner.other(Between::Loss(LossKind::NotWatched, detail));
            }
            stream::Record::Exec { process } => {
                self.left.insert(process);
            }
            stream::Record::ExecFailed { process } => {
                self.left.remove(&process);
            }
            stream::Record::Unplaced { process, site, .. } => {
                let instruction = self.sites.text(process, site);
                *self.unplaced.entry(instruction).or_default() += 1;
            }
        }
        while let Some(ready) = self.joiner.next_ready() {
            self.ready(ready);
        }
        if self.flushed.elapsed() >= TIME_UNFLUSHED {
            self.flush();
        }
    }

    /// Says what was not seen, and how it all ended.
    pub(crate) fn finish(mut self, status: i32) -> Outcome {
        while let Some(ready) = self.joiner.leave() {
            self.ready(ready);
        }
        for (instruction, count) in std::mem::take(&mut self.unplaced) {
            let detail = format!(
                "`{instruction}` ran close after accesses to a window, and QEMU does not tell what \
                 it wrote"
            );
            self.loss(LossKind::Missed, detail, Some(count));
        }
        if !self.left.is_empty() {
            let detail = "a process became another program, which ran outside QEMU: what it did \
                          was not seen";
            self.loss(LossKind::NotWatched, detail.to_owned(), Some(self.left.len() as u64));
        }
        if !self.values && self.threads.len() > 1 {
            let detail = "this QEMU does not tell the data of an access: it was read from the \
                          emulated memory right after, and of threads that use one place at a time \
                          one may have the other's";
            self.loss(LossKind::Approximate, detail.to_owned(), None);
        }
        self.flush();
        Outcome { status, sink_error: self.error, ..self.outcome }
    }

    fn ready(&mut self, ready: Ready<Between>) {
        match ready {
            Ready::Access(joined) => self.access(&joined),
            Ready::Other(Between::Loss(kind, detail)) => self.loss(kind, detail, None),
            Ready::Other(Between::Mark(mark)) => {
                let seq = self.next_seq();
                self.put(&Record::Mark(Mark { seq, ..mark }));
            }
            Ready::Other(Between::Syscall(call)) => {
                self.outcome.syscalls += 1;
                let seq = self.next_seq();
                self.put(&Record::Syscall(Syscall { seq, ..call }));
            }
        }
    }

    fn access(&mut self, joined: &Joined) {
        let step = &joined.first;
        let Some(watch) = self.watches.get(step.watch as usize) else { return };
        let Some(part) = Part::inside(joined, watch.offset, watch.length) else { return };
        self.threads.insert(step.thread);
        self.outcome.accesses += 1;
        let site = self.sites.get(step.process, step.site, step.python);
        if let Some((_, Some(site))) = &site {
            self.put(&Record::Site(site.clone()));
        }
        let access = Access {
            seq: self.next_seq(),
            direction: if step.store { Direction::Write } else { Direction::Read },
            window: step.watch,
            offset: part.offset,
            size: part.size,
            data: part.data,
            thread: step.thread,
            time_ns: Some(step.time_ns.saturating_sub(self.start_ns)),
            site: site.map(|(id, _)| id),
        };
        self.put(&Record::Access(access));
        if part.size != joined.size {
            let detail = "an access reached over the window's edge: what was inside is recorded";
            self.loss(LossKind::Approximate, detail.to_owned(), None);
        }
        if joined.late {
            let detail = "one instruction's access is recorded as two: its second part came late";
            self.loss(LossKind::Approximate, detail.to_owned(), None);
        }
    }

    fn syscall(&mut self, told: &stream::Syscall) {
        let Some(call) = syscalls::buffer_call(self.arch, told.number) else { return };
        let Some(watch) = self.watches.get(told.watch as usize) else { return };
        let offset = u64::try_from(told.offset).unwrap_or(0).saturating_sub(watch.offset);
        if call.buffer == told.argument {
            self.joiner.other(Between::Syscall(Syscall {
                seq: 0,
                name: call.name.to_owned(),
                window: told.watch,
                offset,
                length: told.next,
                thread: told.thread,
                time_ns: Some(told.time_ns.saturating_sub(self.start_ns)),
            }));
        }
    }

    /// Says that something was not seen; the same sentence only once.
    pub(crate) fn loss(&mut self, kind: LossKind, detail: String, count: Option<u64>) {
        if self.said.insert(detail.clone()) {
            self.outcome.losses += 1;
            let seq = self.next_seq();
            self.put(&Record::Loss(Loss { seq, kind, detail, count }));
        }
    }

    fn next_seq(&mut self) -> u64 {
        let seq = self.seq;
        self.seq += 1;
        seq
    }

    pub(crate) fn put(&mut self, record: &Record) {
        if self.error.is_none() {
            self.error = self.sink.put(record).err();
        }
    }

    fn flush(&mut self) {
        self.flushed = Instant::now();
        if self.error.is_none() {
            self.error = self.sink.flush().err();
        }
    }
}

/// The part of an access that lies in a window.
struct Part {
    offset: u64,
    size: u32,
    data: Option<Data>,
}

impl Part {
    fn inside(joined: &Joined, start: u64, length: u64) -> Option<Part> {
        let window = i128::from(start)..i128::from(start) + i128::from(length);
        let first = i128::from(joined.first.offset);
        let last = first + i128::from(joined.size);
        let (from, to) = (first.max(window.start), last.min(window.end));
        let bytes = usize::try_from(from - first).ok()?..usize::try_from(to - first).ok()?;
        Some(Part {
            offset: u64::try_from(from - window.start).ok()?,
            size: u32::try_from(to - from).ok().filter(|size| *size > 0)?,
            data: joined.data.map(|data| Data::new(&data.bytes()[bytes])),
        })
    }
}
