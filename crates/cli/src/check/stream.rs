//! A trace cut into operations and judged as it goes by.

use std::collections::HashMap;
use std::io;

use busprobe_trace::{Access, Event, Header, Record, Site, Syscall, Window};
use busprobe_verdict::{By, Cutter, Head, Judge};

use super::judged::{Judged, Output};
use super::meant::Judges;

/// What judging a trace came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// How many verdicts there were.
    pub(super) verdicts: u64,
    /// Whether all of them were exact.
    pub(super) exact: bool,
}

/// Judges operations as they end, and gives the verdicts to whoever shows them.
pub(super) struct Stream<'a> {
    cutter: Cutter<Judge>,
    judges: Judges<'a>,
    windows: Vec<Window>,
    sites: HashMap<u32, Site>,
    /// What the trace says anywhere that was not seen.
    unseen: Vec<String>,
    outputs: Vec<Box<dyn Output + 'a>>,
    sum: Sum,
    failed: io::Result<()>,
}

impl<'a> Stream<'a> {
    /// Judges the trace of that header, which says somewhere that this was not seen.
    pub(super) fn new(
        header: &Header,
        by: Option<By>,
        judges: Judges<'a>,
        unseen: Vec<String>,
        outputs: Vec<Box<dyn Output + 'a>>,
    ) -> Self {
        Stream {
            cutter: Cutter::new(by, header.level),
            judges,
            windows: Vec::new(),
            sites: HashMap::new(),
            unseen,
            outputs,
            sum: Sum { verdicts: 0, exact: true },
            failed: Ok(()),
        }
    }

    /// Takes a record.
    pub(super) fn record(&mut self, record: &Record) {
        match record {
            Record::Trace(_) | Record::Loss(_) => {}
            Record::Window(window) => self.windows.push(window.clone()),
            Record::Site(site) => self.site(site),
            Record::Access(access) => self.access(access),
            Record::Repeat(repeat) => repeat.accesses().for_each(|access| self.access(&access)),
            Record::Mark(mark) => self.cutter.mark(mark),
            Record::Syscall(call) => self.syscall(call),
        }
        self.settle();
    }

    /// Takes an access.
    pub(super) fn access(&mut self, access: &Access) {
        let begin = |head: &Head| self.judges.judge(head, &self.windows);
        self.cutter.access(access, begin).access(access);
        if self.cutter.has_finished() {
            self.settle();
        }
    }

    fn syscall(&mut self, call: &Syscall) {
        let begin = |head: &Head| self.judges.judge(head, &self.windows);
        self.cutter.syscall(call, begin).event(&Event::Syscall(call.clone()));
    }

    fn site(&mut self, site: &Site) {
        self.cutter.site(site);
        self.sites.insert(site.id, site.clone());
    }

    /// Judges the operations that have ended.
    fn settle(&mut self) {
        for (head, mut judge) in self.cutter.finished() {
            for what in &self.unseen {
                judge.unseen(what.clone());
            }
            let window = self.windows.iter().find(|window| window.id == head.window);
            for verdict in judge.finish() {
                self.sum.verdicts += 1;
                self.sum.exact &= verdict.is_exact();
                let judged = Judged::Operation {
                    head: &head,
                    verdict: &verdict,
                    site: head.site.and_then(|id| self.sites.get(&id)),
                    window: window.map_or("?", |window| &window.name),
                };
                put(&mut self.outputs, &mut self.failed, &judged);
            }
        }
    }

    /// Judges what is left.
    ///
    /// # Errors
    /// What those say who show the verdicts.
    pub(super) fn finish(mut self) -> io::Result<Sum> {
        self.cutter.finish_all();
        self.settle();
        if self.sum.verdicts > 0 {
            for listed in self.judges.not_found() {
                self.sum.verdicts += 1;
                self.sum.exact = false;
                put(&mut self.outputs, &mut self.failed, &Judged::NotFound(listed));
            }
        }
        self.failed?;
        self.outputs.iter_mut().try_for_each(|output| output.finish())?;
        Ok(self.sum)
    }
}

/// Gives a verdict to all, until one of them cannot take it.
fn put(outputs: &mut [Box<dyn Output + '_>], failed: &mut io::Result<()>, judged: &Judged) {
    if failed.is_ok() {
        *failed = outputs.iter_mut().try_for_each(|output| output.take(judged));
    }
}
