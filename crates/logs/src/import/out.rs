//! Where dialects put what they read.

use std::collections::VecDeque;

use busprobe_trace::{Access, Data, Direction, Header, Loss, LossKind, Mark, Record};

use super::Options;
use super::sites::{Code, Sites};
use super::windows::{Placed, Range, Region, Windows};

/// A log that says "the same again" more often than this is believed this far.
const MOST_REPEATS: u64 = 1 << 20;

/// An access as a log has it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) direction: Direction,
    pub(super) address: u64,
    /// Bytes, 1 to 64.
    pub(super) size: u32,
    pub(super) data: Option<Data>,
    pub(super) thread: u32,
    /// Nanoseconds, from any beginning.
    pub(super) time_ns: Option<u64>,
    pub(super) region: Region<'a>,
    pub(super) code: Option<Code<'a>>,
}

impl Seen<'_> {
    /// An access of which no more is known.
    pub(super) fn new(direction: Direction, address: u64, size: u32) -> Self {
        Seen {
            direction,
            address,
            size,
            data: None,
            thread: 0,
            time_ns: None,
            region: Region::Bus,
            code: None,
        }
    }
}

/// Records in the order of the log, with places in windows, sites and sequence numbers.
pub(super) struct Out {
    records: VecDeque<Record>,
    /// An access still to come this many times, after `records`.
    repeated: Option<(Access, u64)>,
    windows: Windows,
    /// Writes to this address are marks.
    mark: Option<u64>,
    sites: Sites,
    seq: u64,
    began: Option<u64>,
    latest: u64,
    /// Where time first went backwards.
    pub(super) backwards: Option<u64>,
    /// The line being read.
    pub(super) line: u64,
    pub(super) accesses: u64,
    pub(super) outside: u64,
    pub(super) nested: u64,
}

impl Out {
    pub(super) fn new(header: Header, options: &Options) -> Self {
        let windows = Windows::new(&options.windows);
        let header = std::iter::once(Record::Trace(header));
        Out {
            records: header.chain(windows.given().map(Record::Window)).collect(),
            repeated: None,
            windows,
            mark: options.mark,
            sites: Sites::default(),
            seq: 0,
            began: None,
            latest: 0,
            backwards: None,
            line: 0,
            accesses: 0,
            outside: 0,
            nested: 0,
        }
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Record> {
        if let Some(record) = self.records.pop_front() {
            return Some(record);
        }
        let (access, left) = self.repeated.as_mut()?;
        *left -= 1;
        access.seq = self.seq;
        let record = Record::Access(access.clone());
        if *left == 0 {
            self.repeated = None;
        }
        self.seq += 1;
        self.accesses += 1;
        Some(record)
    }

    pub(super) fn access(&mut self, seen: Seen) {
        if seen.direction == Direction::Write && self.mark == Some(seen.address) {
            let text = seen.data.map_or_else(|| "?".to_owned(), |data| format!("{data:#}"));
            self.mark(text, seen.time_ns);
        } else if let Some(access) = self.placed(seen) {
            self.records.push_back(Record::Access(access));
            self.seq += 1;
            self.accesses += 1;
        }
    }

    /// The same access `times` times in a row; the last thing that a line says.
    pub(super) fn repeat(&mut self, seen: Seen, times: u64) {
        let believed = times.min(MOST_REPEATS);
        if believed < times {
            let missed = times - believed;
            let detail = format!("line {} stands for {missed} more accesses", self.line);
            self.loss(LossKind::Missed, detail, Some(missed));
        }
        if believed == 0 {
            return;
        }
        match self.placed(seen) {
            Some(access) => self.repeated = Some((access, believed)),
            None => self.outside += believed - 1,
        }
    }

    /// The access in its window; `None` when it lies outside of all.
    fn placed(&mut self, seen: Seen) -> Option<Access> {
        let (placed, new) = self.windows.place(seen.region, seen.address, seen.size);
        let Placed::At { window, offset } = placed else {
            self.outside += 1;
            return None;
        };
        self.records.extend(new.map(Record::Window));
        let site = seen.code.and_then(|code| {
            let (id, new) = self.sites.id(code);
            self.records.extend(new.map(Record::Site));
            id
        });
        Some(Access {
            seq: self.seq,
            direction: seen.direction,
            window,
            offset,
            size: seen.size,
            data: seen.data,
            thread: seen.thread,
            time_ns: self.time(seen.time_ns),
            site,
        })
    }

    /// Declares a region of the log as a window.
    pub(super) fn window(&mut self, number: u32, range: Range, name: &str) {
        self.records.extend(self.windows.declare(number, range, name).map(Record::Window));
    }

    pub(super) fn mark(&mut self, text: String, time_ns: Option<u64>) {
        let time_ns = self.time(time_ns);
        self.records.push_back(Record::Mark(Mark { seq: self.seq, text, thread: 0, time_ns }));
        self.seq += 1;
    }

    pub(super) fn loss(&mut self, kind: LossKind, detail: String, count: Option<u64>) {
        self.records.push_back(Record::Loss(Loss { seq: self.seq, kind, detail, count }));
        self.seq += 1;
    }

    /// What can be said at the end only.
    pub(super) fn end(&mut self) {
        if let Some(line) = self.backwards {
            let detail = format!(
                "time goes backwards, first in line {line}: the order is the log's, and may not \
                 be the bus's"
            );
            self.loss(LossKind::Approximate, detail, None);
        }
        if self.sites.left_out > 0 {
            let detail = "accesses from more places of code than were kept have no site".to_owned();
            self.loss(LossKind::Approximate, detail, Some(self.sites.left_out));
        }
    }

    /// Nanoseconds since the first time of the log.
    fn time(&mut self, time: Option<u64>) -> Option<u64> {
        let time = time?;
        let began = *self.began.get_or_insert(time);
        if time < self.latest {
            self.backwards.get_or_insert(self.line);
        }
        self.latest = self.latest.max(time);
        Some(time.saturating_sub(began))
    }
}
