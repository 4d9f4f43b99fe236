//! A lock between processes that all ask for it.

use std::fs::{File, TryLockError};
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::Window;

/// How often a lock that another process holds is asked for.
const INTERVAL: Duration = Duration::from_millis(1);

/// Why a window could not be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Nothing that another process could lock is behind the window.
    #[error("{name}: there is no file behind it that processes could share a lock on")]
    NotShared {
        /// The window.
        name: String,
    },
    /// Another process, or another window of this one, holds the lock.
    #[error("{name}: someone else held the lock for all of {timeout:?}")]
    Timeout {
        /// The window.
        name: String,
        /// How long was waited.
        timeout: Duration,
    },
    /// The system refused.
    #[error("{name}: cannot lock: {source}")]
    Refused {
        /// The window.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Holds the lock until it is dropped.
#[derive(Debug)]
#[must_use]
pub struct Lock {
    file: Arc<File>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // There is no one to tell; the lock ends with the file at the latest.
        let _ = self.file.unlock();
    }
}

impl Window {
    /// Waits for a lock on the window's file (flock(2)), for `timeout` at most. It keeps out those
    /// who ask for it too, and no one else.
    ///
    /// # Errors
    /// When the time is over, or nothing can be locked.
    pub fn lock(&self, timeout: Duration) -> Result<Lock, LockError> {
        let name = || self.name().to_owned();
        let file = self.file().ok_or_else(|| LockError::NotShared { name: name() })?;
        let start = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { file: file.clone() }),
                Err(TryLockError::WouldBlock) if start.elapsed() < timeout => {
                    thread::sleep(INTERVAL);
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Timeout { name: name(), timeout });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(LockError::Refused { name: name(), source });
                }
            }
        }
    }
}
