//! Why a bus log cannot be the result of some accesses.

use std::fmt;

use serde::Serialize;

use crate::Beat;

/// Why a bus log cannot be the result of some accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Impossible {
    /// On a bus with one outcome, this beat (counted from 0) is another, or there is none.
    Different {
        /// Which beat.
        beat: usize,
    },
    /// A beat touches a byte that no access of its direction touches.
    NeverAccessed {
        /// The byte.
        offset: u64,
    },
    /// A byte came on the bus more often than it was stored.
    TooOften {
        /// The byte.
        offset: u64,
        /// How often it was stored.
        stored: usize,
        /// How often it came.
        came: usize,
    },
    /// A byte was accessed and never came on the bus.
    Lost {
        /// The byte.
        offset: u64,
    },
    /// A beat carries a value that was never stored there.
    OtherData {
        /// The byte.
        offset: u64,
    },
    /// A beat is no transaction that this bus makes: across its boundaries, or wider than one.
    NoTransaction {
        /// The beat's first byte.
        offset: u64,
        /// Its bytes.
        size: u32,
    },
    /// However the stores to this place are combined, they do not give these beats in this order.
    NoOrder {
        /// The first byte of the place.
        offset: u64,
    },
}

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impossible::Different { beat } => {
                write!(f, "beat {beat} is not the one that this bus makes")
            }
            Impossible::NeverAccessed { offset } => {
                write!(f, "the byte at {offset:#x} was never accessed")
            }
            Impossible::TooOften { offset, stored, came } => {
                let times = |count: &usize| match count {
                    1 => "once".to_owned(),
                    2 => "twice".to_owned(),
                    count => format!("{count} times"),
                };
                write!(
                    f,
                    "the byte at {offset:#x} came {}, and was stored {}",
                    times(came),
                    times(stored)
                )
            }
            Impossible::Lost { offset } => write!(f, "the byte at {offset:#x} never came"),
            Impossible::OtherData { offset } => {
                write!(f, "the byte at {offset:#x} has a value that was not stored there")
            }
            Impossible::NoTransaction { offset, size } => {
                write!(f, "{size} bytes at {offset:#x} are no transaction of this bus")
            }
            Impossible::NoOrder { offset } => write!(
                f,
                "no way to combine the stores at {offset:#x} gives these beats in this order"
            ),
        }
    }
}

/// Whether a log is the one outcome there is.
pub(super) fn same(outcome: &[Beat], log: &[Beat]) -> Result<(), Impossible> {
    let pairs = outcome.iter().zip(log);
    let first = pairs.take_while(|(one, other)| agree(one, other)).count();
    if first == outcome.len() && first == log.len() {
        return Ok(());
    }
    Err(Impossible::Different { beat: first })
}

fn agree(one: &Beat, other: &Beat) -> bool {
    let same_data = match (one.data, other.data) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    same_data
        && (one.direction, one.offset, one.size) == (other.direction, other.offset, other.size)
}
