//! What a command means to put on the bus, before anything is on it.

use busprobe_mmio::{AccessError, Direction, Mode, Run, Width, Window};
use busprobe_trace::{Access, Data, Direction as TraceDirection};

use crate::access::block::Block;

/// One run of accesses.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Load each element.
    Read(Run),
    /// Store these elements.
    Write(Run, Block),
    /// Store one value to each element.
    Fill(Run, u64),
    /// Load an element, and store it with the bits of a mask replaced.
    Update { offset: u64, width: Width, mask: u64, value: u64 },
}

impl Operation {
    pub(crate) fn run(&self) -> Run {
        match self {
            Operation::Read(run) | Operation::Write(run, _) | Operation::Fill(run, _) => *run,
            Operation::Update { offset, width, .. } => Run::one(*offset, *width),
        }
    }

    pub(crate) fn direction(&self) -> Direction {
        match self {
            Operation::Read(_) => Direction::Read,
            Operation::Write(..) | Operation::Fill(..) | Operation::Update { .. } => {
                Direction::Write
            }
        }
    }

    pub(crate) fn writes(&self) -> bool {
        self.direction() == Direction::Write
    }

    /// What element `index` should read back as, and in which bits.
    pub(crate) fn stored(&self, index: usize) -> (u64, u64) {
        match self {
            Operation::Read(_) => (0, 0),
            Operation::Write(_, block) => (block.get(index), u64::MAX),
            Operation::Fill(_, value) => (*value, u64::MAX),
            Operation::Update { mask, value, .. } => (*value, *mask),
        }
    }

    /// What the window would say before the first access.
    pub(crate) fn check(&self, window: &Window) -> Result<(), AccessError> {
        window.check(self.run(), self.direction())
    }

    /// One past the last byte touched; `None` beyond 64 bits.
    pub(crate) fn end(&self) -> Option<u64> {
        let Run { offset, width, count, stride } = self.run();
        let steps = count.saturating_sub(1);
        offset.checked_add(steps.checked_mul(stride.unsigned_abs())?)?.checked_add(width.bytes())
    }

    /// The accesses, each with what is known of its data beforehand.
    pub(crate) fn accesses(&self) -> Box<dyn Iterator<Item = Access> + '_> {
        let Run { width, .. } = self.run();
        let offsets = self.run().offsets();
        match self {
            Operation::Read(_) => Box::new(offsets.map(move |offset| read(offset, width, None))),
            Operation::Write(_, block) => Box::new(
                offsets
                    .enumerate()
                    .map(move |(i, offset)| write(offset, width, Some(block.data(i)))),
            ),
            Operation::Fill(_, value) => {
                let data = Some(data(*value, width));
                Box::new(offsets.map(move |offset| write(offset, width, data)))
            }
            Operation::Update { offset, .. } => {
                Box::new(update(*offset, width, None, None).into_iter())
            }
        }
    }
}

/// A load, of known data or not.
pub(crate) fn read(offset: u64, width: Width, data: Option<Data>) -> Access {
    Access { data, ..Access::new(TraceDirection::Read, offset, width.bytes() as u32) }
}

fn write(offset: u64, width: Width, data: Option<Data>) -> Access {
    Access { data, ..Access::new(TraceDirection::Write, offset, width.bytes() as u32) }
}

/// The load and the store of an update, with what is known of their data.
pub(crate) fn update(
    offset: u64,
    width: Width,
    loaded: Option<u64>,
    stored: Option<u64>,
) -> [Access; 2] {
    let data = |value: Option<u64>| value.map(|value| data(value, width));
    [read(offset, width, data(loaded)), write(offset, width, data(stored))]
}

/// An element of that value, as it lies in memory.
fn data(value: u64, width: Width) -> Data {
    Data::new(&value.to_le_bytes()[..width.bytes() as usize])
}

/// A run's mode: [`Mode::Fixed`] when it stays where it is.
pub(crate) fn mode(run: Run) -> Mode {
    if run.stride == 0 { Mode::Fixed } else { Mode::Incr }
}
