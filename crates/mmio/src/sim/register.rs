//! A register of a simulated device, and what reading and writing it do.

use std::collections::VecDeque;

use crate::Width;

/// A register: what it holds, and how it takes reads and writes.
#[derive(Clone, Debug)]
pub struct Register {
    width: Width,
    kind: Kind,
    value: u64,
}

#[derive(Clone, Debug)]
enum Kind {
    ReadWrite,
    ReadOnly,
    WriteOnly,
    WriteOneToClear,
    ReadToClear,
    Fifo { depth: usize, elements: VecDeque<u64> },
}

impl Register {
    fn new(width: Width, kind: Kind) -> Self {
        Register { width, kind, value: 0 }
    }

    /// Reads as it was written.
    #[must_use]
    pub fn read_write(width: Width) -> Self {
        Register::new(width, Kind::ReadWrite)
    }

    /// Ignores writes.
    #[must_use]
    pub fn read_only(width: Width) -> Self {
        Register::new(width, Kind::ReadOnly)
    }

    /// Reads as 0.
    #[must_use]
    pub fn write_only(width: Width) -> Self {
        Register::new(width, Kind::WriteOnly)
    }

    /// A write clears the bits that are 1 in it: interrupt status.
    #[must_use]
    pub fn write_1_to_clear(width: Width) -> Self {
        Register::new(width, Kind::WriteOneToClear)
    }

    /// A read leaves 0 behind: a status that tells everything once.
    #[must_use]
    pub fn read_to_clear(width: Width) -> Self {
        Register::new(width, Kind::ReadToClear)
    }

    /// Gives back what was written, first in first out. A write to a full FIFO is lost; an empty
    /// one reads as 0.
    #[must_use]
    pub fn fifo(width: Width, depth: usize) -> Self {
        Register::new(width, Kind::Fifo { depth, elements: VecDeque::new() })
    }

    /// Holds `value` from the start.
    #[must_use]
    pub fn reset(mut self, value: u64) -> Self {
        self.poke(value);
        self
    }

    pub(crate) fn width(&self) -> Width {
        self.width
    }

    pub(crate) fn level(&self) -> usize {
        match &self.kind {
            Kind::Fifo { elements, .. } => elements.len(),
            _ => 0,
        }
    }

    pub(crate) fn peek(&self) -> u64 {
        match &self.kind {
            Kind::Fifo { elements, .. } => elements.front().copied().unwrap_or(0),
            _ => self.value,
        }
    }

    pub(crate) fn poke(&mut self, value: u64) {
        let value = value & self.width.max_value();
        match &mut self.kind {
            Kind::Fifo { depth, elements } if elements.len() < *depth => elements.push_back(value),
            Kind::Fifo { .. } => {}
            _ => self.value = value,
        }
    }

    pub(crate) fn read(&mut self) -> u64 {
        match &mut self.kind {
            Kind::ReadWrite | Kind::ReadOnly | Kind::WriteOneToClear => self.value,
            Kind::WriteOnly => 0,
            Kind::ReadToClear => std::mem::take(&mut self.value),
            Kind::Fifo { elements, .. } => elements.pop_front().unwrap_or(0),
        }
    }

    pub(crate) fn write(&mut self, value: u64) {
        match &self.kind {
            Kind::ReadOnly => {}
            Kind::WriteOneToClear => self.value &= !value,
            Kind::ReadWrite | Kind::WriteOnly | Kind::ReadToClear | Kind::Fifo { .. } => {
                self.poke(value);
            }
        }
    }
}
