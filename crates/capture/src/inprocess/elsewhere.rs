//! Where a program cannot step itself.

use std::convert::Infallible;

use busprobe_trace::Trace;

use super::{Error, Region};

/// Windows of this process that are being watched: on this machine, never.
pub struct Watching(Infallible);

impl Watching {
    /// Says that it cannot be done here.
    ///
    /// # Errors
    /// Always [`Error::OtherMachine`].
    pub fn start(_regions: &[Region]) -> Result<Watching, Error> {
        Err(Error::OtherMachine)
    }

    /// What was seen so far.
    #[must_use]
    pub fn so_far(&self) -> Trace {
        match self.0 {}
    }

    /// Gives the windows back as they were, and what was seen.
    ///
    /// # Errors
    /// None here.
    pub fn finish(self) -> Result<Trace, Error> {
        match self.0 {}
    }
}

/// Puts a mark into all traces that are under way: here there are none.
pub fn mark(_text: &str) {}
