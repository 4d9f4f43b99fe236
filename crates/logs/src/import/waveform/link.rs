//! What an AXI4-Lite link carries, seen at each rising edge of its clock.

use std::hash::Hash;
use std::io;
use std::ops::RangeInclusive;

use busprobe_trace::axi4_lite::TransactionWriter;
use busprobe_trace::{LossKind, Record, Sink, Window};

use super::playback::{View, ends_with};
use super::wires::Wires;
use super::{Options, ReadError};
use crate::import::axi4_lite::{Link, Pairing, Role, Signal};

/// A link that can be read, and its clock.
pub(super) struct LinkWires<T> {
    link: Link<T>,
    clock: T,
    data_width: u32,
    /// The addresses that are of interest, in whole words.
    only: RangeInclusive<u64>,
}

impl<T: Copy + Eq + Hash> LinkWires<T> {
    pub(super) fn new(
        link: Link<T>,
        signals: &[Signal<T>],
        options: &Options<'_>,
    ) -> Result<Self, ReadError> {
        if link.signal(Role::Burst).is_some() {
            return Err(ReadError::FullAxi { link: link.name });
        }
        let clock = match options.clock {
            Some(asked) => signals
                .iter()
                .find(|signal| ends_with(&format!("{}.{}", signal.scope, signal.name), asked))
                .map(|signal| signal.id),
            None => link.clock,
        };
        let clock = clock.ok_or_else(|| ReadError::NoClock { link: link.name.clone() })?;
        let data_width = link.width(Role::WData).max(link.width(Role::RData));
        if data_width != 32 && data_width != 64 {
            return Err(ReadError::Width { link: link.name, bits: data_width });
        }
        let address_width = link.width(Role::AwAddr).max(link.width(Role::ArAddr));
        let last = u64::MAX >> (64 - address_width.clamp(1, 64));
        let lanes = u64::from(data_width / 8) - 1;
        let only = options.only.clone().unwrap_or(0..=last);
        let only = only.start() & !lanes..=only.end() | lanes;
        Ok(LinkWires { link, clock, data_width, only })
    }

    /// The wires that matter.
    pub(super) fn wires(&self) -> Wires<T> {
        let reset = self.link.reset.map(|(id, _)| id);
        Wires::new(self.link.signals().chain(reset).chain([self.clock]))
    }
}

/// Makes transactions of what the wires show.
pub(super) struct LinkView<S, T> {
    wires: LinkWires<T>,
    pairing: Pairing,
    writer: TransactionWriter<S>,
}

impl<S: Sink, T> LinkView<S, T> {
    /// Puts the link as a window into `sink`, and then what it carries.
    pub(super) fn new(wires: LinkWires<T>, mut sink: S) -> io::Result<Self> {
        let LinkWires { link, data_width, only, .. } = &wires;
        let base = *only.start();
        let length = (only.end() - base).saturating_add(1);
        let name = link.name.clone();
        sink.put(&Record::Window(Window { id: 0, name, base: Some(base), length }))?;
        let writer = TransactionWriter::new(sink, *data_width, base);
        Ok(LinkView { wires, pairing: Pairing::default(), writer })
    }
}

impl<S: Sink, T: Copy + Eq + Hash> View<T> for LinkView<S, T> {
    fn step(&mut self, wires: &Wires<T>, time_ns: u64) -> io::Result<()> {
        let LinkWires { link, clock, only, .. } = &self.wires;
        if !wires.rises(*clock) {
            return Ok(());
        }
        let before = |id| wires.before(id);
        if link.in_reset(before) {
            self.pairing.reset();
            return Ok(());
        }
        for transaction in self.pairing.cycle(&link.transfers(before)) {
            if only.contains(&transaction.address) {
                self.writer.put(&transaction, Some(time_ns))?;
            }
        }
        Ok(())
    }

    fn gap(&mut self) {
        self.pairing.reset();
    }

    fn accesses(&self) -> u64 {
        self.writer.accesses()
    }

    fn loss(&mut self, kind: LossKind, detail: String) -> io::Result<()> {
        self.writer.loss(kind, detail, None)
    }

    fn end(&mut self) -> io::Result<()> {
        for (count, detail) in self.pairing.missed() {
            self.writer.loss(LossKind::Missed, detail, Some(count))?;
        }
        Ok(())
    }
}
