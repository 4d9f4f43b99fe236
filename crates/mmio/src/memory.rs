//! What is behind a window: mapped memory, or a simulated device.

use crate::fault::Interrupted;
use crate::mapping::Mapping;
use crate::sim::{Device, Refused};
use crate::transfer::{self, Manner};
use crate::{Element, Run, Signal};

/// What is behind a window.
pub(crate) enum Memory {
    /// Mapped into this process.
    Mapped {
        /// The window's first byte.
        start: *mut u8,
        /// What keeps it mapped; `None` when someone else does.
        _mapping: Option<Mapping>,
    },
    /// Simulated.
    Simulated(Device),
}

// SAFETY: what is behind a window is shared with hardware anyway: it is accessed by single
// instructions only, and never through a reference.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Loads a run into memory, which need not be aligned.
    ///
    /// # Safety
    /// The run was checked; T is its width; `out` takes its elements.
    pub(crate) unsafe fn load<T: Element>(
        &self,
        manner: Manner,
        run: Run,
        out: *mut T,
    ) -> Result<(), Interrupted> {
        match self {
            Memory::Mapped { start, .. } => {
                let (first, stride, count) = place(*start, run);
                // SAFETY: the caller's.
                unsafe { transfer::load(manner, first, stride, count, out) }
            }
            Memory::Simulated(device) => simulate(run, |i, offset| {
                let value = T::truncate(device.read(offset, run.width)?);
                let value = if manner.swapped { value.swapped() } else { value };
                // SAFETY: `out` takes as many elements as the run has.
                unsafe { out.add(i).write_unaligned(value) };
                Ok(())
            }),
        }
    }

    /// Stores a run from memory, which need not be aligned.
    ///
    /// # Safety
    /// The run was checked; T is its width; `source` has its elements.
    pub(crate) unsafe fn store<T: Element>(
        &self,
        manner: Manner,
        run: Run,
        source: *const T,
    ) -> Result<(), Interrupted> {
        match self {
            Memory::Mapped { start, .. } => {
                let (first, stride, count) = place(*start, run);
                // SAFETY: the caller's.
                unsafe { transfer::store(manner, first, stride, count, source) }
            }
            Memory::Simulated(device) => simulate(run, |i, offset| {
                // SAFETY: `source` has as many elements as the run.
                let value = unsafe { source.add(i).read_unaligned() };
                let value = if manner.swapped { value.swapped() } else { value };
                device.write(offset, run.width, value.into())
            }),
        }
    }

    /// Stores one value to each element of a run.
    ///
    /// # Safety
    /// The run was checked; T is its width.
    pub(crate) unsafe fn fill<T: Element>(
        &self,
        manner: Manner,
        run: Run,
        value: T,
    ) -> Result<(), Interrupted> {
        match self {
            Memory::Mapped { start, .. } => {
                let (first, stride, count) = place(*start, run);
                // SAFETY: the caller's.
                unsafe { transfer::fill(manner, first, stride, count, value) }
            }
            Memory::Simulated(device) => simulate(run, |_, offset| {
                let value = if manner.swapped { value.swapped() } else { value };
                device.write(offset, run.width, value.into())
            }),
        }
    }
}

fn place<T>(start: *mut u8, run: Run) -> (*mut T, isize, usize) {
    (start.wrapping_add(run.offset as usize).cast(), run.stride as isize, run.count as usize)
}

fn simulate(
    run: Run,
    mut access: impl FnMut(usize, u64) -> Result<(), Refused>,
) -> Result<(), Interrupted> {
    for (completed, offset) in run.offsets().enumerate() {
        access(completed, offset)
            .map_err(|Refused| Interrupted { completed, signal: Signal::Sigbus })?;
    }
    Ok(())
}
