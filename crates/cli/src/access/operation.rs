//! What a command means to put on the bus, before anything is on it.

use busprobe_mmio::{AccessError, Direction, Mode, Run, Width, Window};
use busprobe_trace::{Access, Direction as TraceDirection};

use crate::access::block::Block;
use crate::access::manner::Manner;

/// One run of accesses.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    /// Load each element.
    Read(Run),
    /// Store these elements.
    Write(Run, Block),
    /// Store one value to each element of a run.
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

    /// The value that element `index` gets, when it is known beforehand.
    pub(crate) fn value(&self, index: usize) -> Option<u64> {
        match self {
            Operation::Read(_) | Operation::Update { .. } => None,
            Operation::Write(_, block) => Some(block.get(index)),
            Operation::Fill(_, value) => Some(*value),
        }
    }

    /// What element `index` should read back as, and in which bits.
    pub(crate) fn stored(&self, index: usize) -> (u64, u64) {
        match self {
            Operation::Update { mask, value, .. } => (*value, *mask),
            _ => (self.value(index).unwrap_or_default(), u64::MAX),
        }
    }

    /// What the window would say before the first access.
    pub(crate) fn check(&self, window: &Window, manner: Manner) -> Result<(), AccessError> {
        let run = self.run();
        window.check(manner.checked(run, mode(run)), self.direction())
    }

    /// One past the last byte touched; `None` beyond 64 bits.
    pub(crate) fn end(&self) -> Option<u64> {
        let Run { offset, width, count, stride } = self.run();
        let steps = count.saturating_sub(1);
        offset.checked_add(steps.checked_mul(stride.unsigned_abs())?)?.checked_add(width.bytes())
    }

    /// The accesses, each with what is known of its data beforehand.
    pub(crate) fn accesses(&self, manner: Manner) -> Box<dyn Iterator<Item = Access> + '_> {
        let Run { offset, width, .. } = self.run();
        let direction = match self {
            Operation::Update { .. } => {
                return Box::new(update(offset, width, manner, None, None).into_iter());
            }
            Operation::Read(_) => TraceDirection::Read,
            Operation::Write(..) | Operation::Fill(..) => TraceDirection::Write,
        };
        let elements = self.run().offsets().enumerate();
        Box::new(elements.flat_map(move |(index, offset)| {
            manner.accesses(direction, offset, width, self.value(index))
        }))
    }
}

/// The load and the store of an update, with what is known of their data.
pub(crate) fn update(
    offset: u64,
    width: Width,
    manner: Manner,
    loaded: Option<u64>,
    stored: Option<u64>,
) -> Vec<Access> {
    let load = manner.accesses(TraceDirection::Read, offset, width, loaded);
    load.chain(manner.accesses(TraceDirection::Write, offset, width, stored)).collect()
}

/// A run's mode: [`Mode::Fixed`] when it stays where it is.
pub(crate) fn mode(run: Run) -> Mode {
    if run.stride == 0 { Mode::Fixed } else { Mode::Incr }
}
