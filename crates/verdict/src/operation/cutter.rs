//! Cutting a stream of events into operations as it goes by.

use std::collections::HashMap;
use std::sync::Arc;

use busprobe_trace::{Access, Level, Mark, Site, Syscall};

use super::sites::{Key, Sites, UNKNOWN};
use super::sweep::Sweep;
use super::{By, Head, What};

/// Cuts events into operations as they go by, holding only those that are not at their end.
///
/// Give it all that the trace has, in order. Each access belongs to the operation whose `T` comes
/// back; [`Cutter::finished`] gives those that nothing more belongs to.
pub struct Cutter<T> {
    by: Option<By>,
    /// A bus knows no threads.
    with_threads: bool,
    sites: Sites,
    mark: Option<Arc<str>>,
    threads: Vec<Thread<T>>,
    by_id: HashMap<u32, usize>,
    /// The thread that was last at work.
    last: usize,
    started: u64,
    finished: Vec<(Head, T)>,
}

struct Thread<T> {
    id: u32,
    key: Key,
    sweep: Sweep,
    /// The operations at work, one a window.
    open: Vec<(Head, T)>,
}

impl<T> Thread<T> {
    /// Ends what was at work, and begins something else.
    fn turn_to(&mut self, key: Key, finished: &mut Vec<(Head, T)>) {
        finished.append(&mut self.open);
        self.key = key;
        self.sweep.restart();
    }

    /// The operation at work in a window.
    fn at(
        &mut self,
        (window, seq, site): (u32, u64, Option<u32>),
        started: &mut u64,
        what: impl FnOnce() -> What,
        begin: impl FnOnce(&Head) -> T,
    ) -> &mut T {
        let known = self.open.iter().position(|(head, _)| head.window == window);
        let index = known.unwrap_or_else(|| {
            let what = what();
            *started += 1;
            let head =
                Head { index: *started, what, window, thread: self.id, site, seq: seq..=seq };
            let body = begin(&head);
            self.open.push((head, body));
            self.open.len() - 1
        });
        let (head, body) = &mut self.open[index];
        head.seq = *head.seq.start()..=seq;
        body
    }
}

impl<T> Cutter<T> {
    /// Cuts by `by`, or by what the trace shows: see [`By`].
    #[must_use]
    pub fn new(by: Option<By>, level: Level) -> Self {
        Cutter {
            by,
            with_threads: level == Level::Instruction,
            sites: Sites::default(),
            mark: None,
            threads: Vec::new(),
            by_id: HashMap::new(),
            last: 0,
            started: 0,
            finished: Vec::new(),
        }
    }

    /// Takes note of a site, before the first access from it.
    pub fn site(&mut self, site: &Site) {
        self.sites.add(site, self.by);
    }

    /// Takes a mark.
    pub fn mark(&mut self, mark: &Mark) {
        if matches!(self.by, None | Some(By::Mark)) {
            self.finish_all();
            self.mark = Some(mark.text.as_str().into());
        }
    }

    /// Takes an access, and gives the operation that it belongs to; `begin` makes it when this is
    /// the first of it.
    pub fn access(&mut self, access: &Access, begin: impl FnOnce(&Head) -> T) -> &mut T {
        let by_site = self.goes_by_site();
        self.go_to(access.thread);
        let thread = &mut self.threads[self.last];
        let site = access.site.and_then(|id| self.sites.get(id));
        if by_site {
            let key = site.map_or(UNKNOWN, |(_, site)| site.key);
            let goes_on = key == thread.key
                && site.is_none_or(|(index, site)| {
                    thread.sweep.continues(site.routine, index, access)
                });
            if !goes_on {
                thread.turn_to(key, &mut self.finished);
            }
            if let Some((index, _)) = site {
                thread.sweep.note(index, access);
            }
        }
        let mark = &self.mark;
        let what = || match site {
            Some((_, site)) if by_site => site.what(),
            _ => mark.clone().map_or(What::Window, What::Mark),
        };
        thread.at((access.window, access.seq, access.site), &mut self.started, what, begin)
    }

    /// Takes a system call, and gives the operation that it belongs to; `begin` makes it when
    /// this is the first of it.
    pub fn syscall(&mut self, call: &Syscall, begin: impl FnOnce(&Head) -> T) -> &mut T {
        let by_site = self.goes_by_site();
        self.go_to(call.thread);
        let thread = &mut self.threads[self.last];
        if by_site {
            thread.turn_to(UNKNOWN, &mut self.finished);
        }
        let mark = &self.mark;
        let what = || match mark {
            _ if by_site => What::Syscall(call.name.as_str().into()),
            Some(mark) => What::Mark(mark.clone()),
            None => What::Window,
        };
        thread.at((call.window, call.seq, None), &mut self.started, what, begin)
    }

    /// The operations that nothing more belongs to, in the order they ended.
    pub fn finished(&mut self) -> impl Iterator<Item = (Head, T)> {
        self.finished.drain(..)
    }

    /// Whether [`Cutter::finished`] has any.
    #[must_use]
    pub fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }

    /// Ends all operations: the trace is at its end.
    pub fn finish_all(&mut self) {
        for thread in &mut self.threads {
            thread.turn_to(UNKNOWN, &mut self.finished);
        }
    }

    /// Whether operations are set apart by where their accesses came from.
    fn goes_by_site(&self) -> bool {
        match self.by {
            None => self.mark.is_none(),
            Some(by) => matches!(by, By::Line | By::Call),
        }
    }

    /// Makes that thread the one at work.
    fn go_to(&mut self, id: u32) {
        let id = if self.with_threads { id } else { 0 };
        if self.threads.get(self.last).is_some_and(|thread| thread.id == id) {
            return;
        }
        self.last = *self.by_id.entry(id).or_insert_with(|| {
            let sweep = Sweep::default();
            self.threads.push(Thread { id, key: UNKNOWN, sweep, open: Vec::new() });
            self.threads.len() - 1
        });
    }
}
