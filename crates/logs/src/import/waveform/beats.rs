//! Beats as [`export`](crate::export) draws them: each pulse of `valid` is an access.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::io;
use std::ops::RangeInclusive;

use busprobe_trace::{Access, Direction, Loss, LossKind, Mark, Record, Sink, Site, Window};

use super::playback::View;
use super::wires::Wires;
use crate::export::WIRES;
use crate::import::axi4_lite::{Bits, Signal};

/// The wires of the exporter, in its order.
#[derive(Clone, Copy)]
pub(super) struct BeatWires<T>([T; WIRES.len()]);

impl<T: Copy + Eq + Hash> BeatWires<T> {
    /// The scope that the exporter puts them in.
    pub(super) const SCOPE: &str = "busprobe";

    /// `None` unless all are there.
    pub(super) fn find(signals: &[Signal<T>]) -> Option<Self> {
        let in_scope: HashMap<&str, T> = signals
            .iter()
            .filter(|signal| signal.scope == Self::SCOPE)
            .map(|signal| (&*signal.name, signal.id))
            .collect();
        let ids: Option<Vec<T>> = WIRES.iter().map(|name| in_scope.get(name).copied()).collect();
        Some(BeatWires(ids?.try_into().ok()?))
    }

    pub(super) fn wires(&self) -> Wires<T> {
        Wires::new(self.0)
    }
}

pub(super) struct BeatView<S, T> {
    wires: BeatWires<T>,
    only: Option<RangeInclusive<u64>>,
    sink: S,
    seq: u64,
    accesses: u64,
    operation: u64,
    windows: HashSet<u32>,
    sites: HashMap<u64, u32>,
}

impl<S: Sink, T> BeatView<S, T> {
    pub(super) fn new(wires: BeatWires<T>, only: Option<RangeInclusive<u64>>, sink: S) -> Self {
        BeatView {
            wires,
            only,
            sink,
            seq: 0,
            accesses: 0,
            operation: 0,
            windows: HashSet::new(),
            sites: HashMap::new(),
        }
    }

    fn event(&mut self, record: impl FnOnce(u64) -> Record) -> io::Result<()> {
        let seq = self.seq;
        self.seq += 1;
        self.sink.put(&record(seq))
    }

    /// The window of that number; the drawing has whole addresses, and so it begins at 0, or where
    /// what is of interest does.
    fn window(&mut self, id: u32) -> io::Result<u64> {
        let all = 0..=u64::MAX;
        let only = self.only.as_ref().unwrap_or(&all);
        let base = *only.start();
        if self.windows.insert(id) {
            let length = (only.end() - base).saturating_add(1);
            let name = format!("window {id}");
            self.sink.put(&Record::Window(Window { id, name, base: Some(base), length }))?;
        }
        Ok(base)
    }

    fn site(&mut self, pc: u64) -> io::Result<u32> {
        let next = self.sites.len() as u32;
        if let Some(&id) = self.sites.get(&pc) {
            return Ok(id);
        }
        self.sites.insert(pc, next);
        self.sink.put(&Record::Site(Site { id: next, pc, ..Site::default() }))?;
        Ok(next)
    }
}

impl<S: Sink, T: Copy + Eq + Hash> View<T> for BeatView<S, T> {
    fn step(&mut self, wires: &Wires<T>, time_ns: u64) -> io::Result<()> {
        let [valid, op, address, data, strobe, window, operation, thread, pc] = self.wires.0;
        if !wires.rises(valid) {
            return Ok(());
        }
        let number = |wire: T| wires.after(wire).low();
        let address = number(address);
        if self.only.as_ref().is_some_and(|only| !only.contains(&address)) {
            return Ok(());
        }
        let strobe = number(strobe);
        let (first, size) = (strobe.trailing_zeros(), strobe.count_ones());
        if size == 0 || size + first + strobe.leading_zeros() != u64::BITS {
            let detail = format!("a beat at {time_ns} ns has strobes {strobe:#b}");
            return self.loss(LossKind::Missed, detail);
        }
        let (window, thread) = (number(window) as u32, number(thread) as u32);
        let base = self.window(window)?;
        if number(operation) > self.operation {
            self.operation = number(operation);
            let text = format!("operation {}", self.operation);
            let time_ns = Some(time_ns);
            self.event(|seq| Record::Mark(Mark { seq, text, thread, time_ns }))?;
        }
        let origin = wires.after(pc).whole(64).map(|pc| self.site(pc)).transpose()?;
        let is_read = number(op) == u64::from(b'R');
        let direction = if is_read { Direction::Read } else { Direction::Write };
        let data = Bits::bytes(wires.after(data), first as usize, size as usize);
        self.accesses += 1;
        self.event(|seq| {
            Record::Access(Access {
                seq,
                window,
                data,
                thread,
                time_ns: Some(time_ns),
                site: origin,
                ..Access::new(direction, address - base, size)
            })
        })
    }

    fn accesses(&self) -> u64 {
        self.accesses
    }

    fn loss(&mut self, kind: LossKind, detail: String) -> io::Result<()> {
        self.event(|seq| Record::Loss(Loss { seq, kind, detail, count: None }))
    }
}
