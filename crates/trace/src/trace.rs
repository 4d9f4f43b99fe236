//! A whole trace in memory.

use std::io;

use crate::{Access, Header, Loss, Mark, Record, Sink, Site, Syscall, Window};

/// What happened, in the order it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// One load or store.
    Access(Access),
    /// A system call that was given a pointer into a window.
    Syscall(Syscall),
    /// A place that the program marked.
    Mark(Mark),
    /// Something that was not seen.
    Loss(Loss),
}

/// A whole trace in memory: what one capture saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What the trace says of itself.
    pub header: Header,
    /// The windows, as they were first named.
    pub windows: Vec<Window>,
    /// The sites, as they were first named.
    pub sites: Vec<Site>,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Trace {
    /// A trace of nothing yet.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Trace { header, windows: Vec::new(), sites: Vec::new(), events: Vec::new() }
    }

    /// The loads and stores, in order.
    pub fn accesses(&self) -> impl Iterator<Item = &Access> {
        self.events.iter().filter_map(|event| match event {
            Event::Access(access) => Some(access),
            _ => None,
        })
    }

    /// What was not seen, in order.
    pub fn losses(&self) -> impl Iterator<Item = &Loss> {
        self.events.iter().filter_map(|event| match event {
            Event::Loss(loss) => Some(loss),
            _ => None,
        })
    }

    /// The window of that id.
    #[must_use]
    pub fn window(&self, id: u32) -> Option<&Window> {
        self.windows.iter().find(|window| window.id == id)
    }

    /// The site of that id. Captures number their sites from 0, so this seldom has to search.
    #[must_use]
    pub fn site(&self, id: u32) -> Option<&Site> {
        match self.sites.get(id as usize) {
            Some(site) if site.id == id => Some(site),
            _ => self.sites.iter().find(|site| site.id == id),
        }
    }

    /// The trace as records, in the order a file has them: the header, windows and sites first.
    pub fn records(&self) -> impl Iterator<Item = Record> {
        let windows = self.windows.iter().cloned().map(Record::Window);
        let sites = self.sites.iter().cloned().map(Record::Site);
        let events = self.events.iter().cloned().map(|event| match event {
            Event::Access(access) => Record::Access(access),
            Event::Syscall(syscall) => Record::Syscall(syscall),
            Event::Mark(mark) => Record::Mark(mark),
            Event::Loss(loss) => Record::Loss(loss),
        });
        std::iter::once(Record::Trace(self.header.clone()))
            .chain(windows)
            .chain(sites)
            .chain(events)
    }

    /// Adds one record; a [`Repeat`](crate::Repeat) as the accesses that it stands for.
    pub fn push(&mut self, record: Record) {
        match record {
            Record::Trace(header) => self.header = header,
            Record::Window(window) => self.windows.push(window),
            Record::Site(site) => self.sites.push(site),
            Record::Access(access) => self.events.push(Event::Access(access)),
            Record::Repeat(repeat) => self.events.extend(repeat.accesses().map(Event::Access)),
            Record::Syscall(syscall) => self.events.push(Event::Syscall(syscall)),
            Record::Mark(mark) => self.events.push(Event::Mark(mark)),
            Record::Loss(loss) => self.events.push(Event::Loss(loss)),
        }
    }
}

impl Sink for Trace {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.push(record.clone());
        Ok(())
    }
}
