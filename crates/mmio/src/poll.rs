//! Waiting for a register to say something, and counting how often it was asked.

use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::{AccessError, Width, Window};

/// What to wait for, for how long, and how often to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    mask: u64,
    value: u64,
    timeout: Duration,
    interval: Duration,
}

impl Poll {
    /// Until the bits of `mask` are those of `value`; for a second at most, every millisecond.
    #[must_use]
    pub fn new(mask: u64, value: u64) -> Self {
        let (timeout, interval) = (Duration::from_secs(1), Duration::from_millis(1));
        Poll { mask, value, timeout, interval }
    }

    /// How long to wait; the register is read at least once, and once more at the end.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to let the bus alone between two reads.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}

/// What a poll saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    /// The last value read.
    pub value: u64,
    /// How many reads were made.
    pub reads: u64,
}

/// Why a poll ended without what it waited for.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PollError {
    /// An access was refused, or answered by a fault.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The bits did not become what was waited for in time.
    #[error(
        "offset {offset:#x} did not become {expected:#x} (mask {mask:#x}) within {timeout:?}: the \
         last of {} reads gave {:#x}", polled.reads, polled.value
    )]
    Timeout {
        /// The register.
        offset: u64,
        /// What was waited for.
        expected: u64,
        /// The bits that were looked at.
        mask: u64,
        /// How long.
        timeout: Duration,
        /// What was seen.
        polled: Polled,
    },
}

impl Window {
    /// Reads a register until its bits are what is waited for.
    ///
    /// # Errors
    /// As [`Window::read`]; when the time is over; when `value` has bits outside of `mask`.
    pub fn poll(&self, offset: u64, width: Width, poll: &Poll) -> Result<Polled, PollError> {
        self.poll_with(offset, width, poll, |time| {
            thread::sleep(time);
            Ok(())
        })
    }

    /// [`Window::poll`], with the caller's own way to let time pass; an error from there ends it.
    ///
    /// # Errors
    /// As [`Window::poll`], and what `pause` says.
    pub fn poll_with<E: From<PollError>>(
        &self,
        offset: u64,
        width: Width,
        poll: &Poll,
        mut pause: impl FnMut(Duration) -> Result<(), E>,
    ) -> Result<Polled, E> {
        let Poll { mask, value: expected, timeout, interval } = *poll;
        Window::check_value(mask, width).map_err(PollError::from)?;
        if expected & !mask != 0 {
            return Err(PollError::from(AccessError::OutsideMask { value: expected, mask }).into());
        }
        let start = Instant::now();
        let mut reads = 0;
        loop {
            let waited = start.elapsed();
            let value = self.read(offset, width).map_err(PollError::from)?;
            reads += 1;
            let polled = Polled { value, reads };
            if value & mask == expected {
                return Ok(polled);
            }
            if waited >= timeout {
                return Err(PollError::Timeout { offset, expected, mask, timeout, polled }.into());
            }
            pause(interval.min(timeout.saturating_sub(waited)))?;
        }
    }
}
