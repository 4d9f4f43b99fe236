//! The values of the wires that matter, while the waveform plays.

use std::collections::HashMap;
use std::hash::Hash;

use crate::import::axi4_lite::Bits;

/// Values as they were before the current time's changes, and those changes.
pub(super) struct Wires<T> {
    settled: HashMap<T, Bits>,
    changes: Vec<(T, Bits)>,
}

impl<T: Copy + Eq + Hash> Wires<T> {
    /// Wires of which nothing is known yet.
    pub(super) fn new(ids: impl IntoIterator<Item = T>) -> Self {
        let settled = ids.into_iter().map(|id| (id, Bits::default())).collect();
        Wires { settled, changes: Vec::new() }
    }

    /// Those that matter.
    pub(super) fn ids(&self) -> impl Iterator<Item = T> {
        self.settled.keys().copied()
    }

    pub(super) fn change(&mut self, id: T, bits: impl FnOnce() -> Bits) {
        if self.settled.contains_key(&id) {
            self.changes.push((id, bits()));
        }
    }

    pub(super) fn before(&self, id: T) -> Bits {
        self.settled[&id]
    }

    pub(super) fn after(&self, id: T) -> Bits {
        let change = self.changes.iter().rev().find(|(of, _)| *of == id);
        change.map_or_else(|| self.before(id), |&(_, bits)| bits)
    }

    /// Whether the wire rises from a clean 0 to a clean 1 by the current time's changes.
    pub(super) fn rises(&self, id: T) -> bool {
        self.before(id).is_low() && self.after(id).is_high()
    }

    pub(super) fn settle(&mut self) {
        self.settled.extend(self.changes.drain(..));
    }
}
