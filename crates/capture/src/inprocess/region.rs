//! What of this process's memory is watched.

use std::ops::Range;

use busprobe_trace::Window;

/// A window as this process has it mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// What the trace calls it.
    pub name: String,
    /// Its address on the bus, when it has one.
    pub base: Option<u64>,
    /// The address of its first byte in this process.
    pub start: u64,
    /// Bytes.
    pub length: u64,
}

impl Region {
    /// What a trace says of it, under that id.
    #[must_use]
    pub fn window(&self, id: u32) -> Window {
        Window { id, name: self.name.clone(), base: self.base, length: self.length }
    }

    /// Its addresses in this process.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.start..self.start.saturating_add(self.length)
    }
}
