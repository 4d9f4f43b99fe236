//! Waiting for a stop that may come at once.
//!
//! A thread on another CPU is there again within microseconds; to fall asleep until then and to be
//! woken takes longer than to ask once more. On the same CPU it cannot run meanwhile, so asking is
//! in vain. Which it is shows.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::ptrace::{self, Stop, Tid};

/// How long to ask.
const LONGEST: Duration = Duration::from_micros(25);
/// After so many times in vain, it is left out no longer than before.
const MOST_DOUBLINGS: u32 = 12;

/// Whether asking has been of use.
#[derive(Default)]
pub(crate) struct Patience {
    /// How many times in a row it was in vain.
    vain: u32,
    /// How many times it is left out from now on.
    left_out: u32,
}

impl Patience {
    /// The stop of a thread, or of any, if it comes soon enough to stay awake for it.
    pub(crate) fn stopped(&mut self, tid: Option<Tid>) -> Result<Option<(Tid, Stop)>, Errno> {
        if self.left_out > 0 {
            self.left_out -= 1;
            return Ok(None);
        }
        let start = Instant::now();
        while start.elapsed() < LONGEST {
            if let Some(found) = ptrace::stopped(tid)? {
                self.vain = 0;
                return Ok(Some(found));
            }
        }
        self.vain = (self.vain + 1).min(MOST_DOUBLINGS);
        self.left_out = (1 << self.vain) - 1;
        Ok(None)
    }
}
