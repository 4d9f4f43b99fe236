//! What is checked before the first access of a run.

use crate::error::Misalignment;
use crate::{AccessError, Direction, Run, Width, Window};

impl Window {
    /// Checks a run without making it: what an access method checks before its first access.
    ///
    /// # Errors
    /// Any [`AccessError`] but `Fault`.
    pub fn check(&self, run: Run, direction: Direction) -> Result<(), AccessError> {
        let Run { offset, width, count, stride } = run;
        let length = self.len();
        let span = run.span().filter(|(_, end)| *end <= length);
        let Some((first, end)) = span else {
            return Err(AccessError::OutOfRange { direction, offset, width, count, length });
        };
        let misaligned = |what| AccessError::Misaligned { direction, offset, width, what };
        if !self.is_aligned(width) {
            return Err(misaligned(Misalignment::Window));
        }
        if !offset.is_multiple_of(width.bytes()) {
            return Err(misaligned(Misalignment::Offset));
        }
        if count > 1 && stride % width.bytes() as i64 != 0 {
            return Err(misaligned(Misalignment::Stride));
        }
        if direction == Direction::Write && !self.is_writable() {
            return Err(AccessError::ReadOnly { offset });
        }
        if self.allows(first, end) {
            return Ok(());
        }
        match run.offsets().find(|offset| !self.allows(*offset, offset + width.bytes())) {
            Some(offset) => Err(AccessError::NotAllowed { direction, offset, width }),
            None => Ok(()),
        }
    }

    /// Checks one value against the width that it is written with.
    pub(crate) fn check_value(value: u64, width: Width) -> Result<(), AccessError> {
        if value > width.max_value() {
            return Err(AccessError::ValueTooLarge { value, width });
        }
        Ok(())
    }

    /// Whether all bytes of the range may be accessed.
    fn allows(&self, first: u64, end: u64) -> bool {
        self.allowed().is_none_or(|ranges| {
            ranges.iter().any(|range| range.start <= first && end <= range.end)
        })
    }
}
