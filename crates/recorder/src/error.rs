//! What keeps a recorder from being used.

use std::io;

use busprobe_mmio::AccessError;
use thiserror::Error;

/// What keeps a recorder from being used.
#[derive(Debug, Error)]
pub enum RecorderError {
    /// The window is not a recorder's control port.
    #[error(
        "no recorder core here: its first word is {expected:#010x} and here is {found:#010x}; \
         check the address of the control port, and that the FPGA is configured"
    )]
    NotARecorder {
        /// What a recorder has there.
        expected: u32,
        /// What was read.
        found: u32,
    },
    /// The link has no such addresses. Nothing was written.
    #[error("the range {first:#x} to {last:#x} is not within the link's addresses, 0 to {end:#x}")]
    Range {
        /// First byte of the range.
        first: u64,
        /// Its last byte.
        last: u64,
        /// The link's last address.
        end: u64,
    },
    /// The control port did not answer.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The trace took no more.
    #[error(transparent)]
    Sink(#[from] io::Error),
}
