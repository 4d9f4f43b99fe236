//! What a trace can start or stop at.

use std::fmt;

use busprobe_trace::{Access, Direction, Mark};

/// What a trace can start or stop at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An access that touches the byte at `offset` of its window. With a value, one that begins
    /// there and carries it, as a little-endian number.
    Access {
        /// Load or store.
        direction: Direction,
        /// The byte.
        offset: u64,
        /// The data.
        value: Option<u64>,
    },
    /// A mark with this text.
    Mark(String),
}

impl Trigger {
    pub(super) fn is_access(&self, access: &Access) -> bool {
        let Trigger::Access { direction, offset, value } = self else { return false };
        *direction == access.direction
            && (access.offset..access.end()).contains(offset)
            && value.is_none_or(|value| access.offset == *offset && carries(access, value))
    }

    pub(super) fn is_mark(&self, mark: &Mark) -> bool {
        matches!(self, Trigger::Mark(text) if *text == mark.text)
    }
}

fn carries(access: &Access, value: u64) -> bool {
    let Some(data) = access.data else { return false };
    let wanted = value.to_le_bytes().into_iter().chain(std::iter::repeat(0));
    let fits = value.checked_shr(8 * access.size).unwrap_or(0) == 0;
    fits && wanted.zip(data.bytes()).all(|(wanted, byte)| wanted == *byte)
}

/// As the command line has it: `W 0x10=0x1`, `mark:TEXT`.
impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Mark(text) => write!(f, "mark:{text}"),
            Trigger::Access { direction, offset, value } => {
                write!(f, "{} {offset:#x}", direction.letter())?;
                value.map_or(Ok(()), |value| write!(f, "={value:#x}"))
            }
        }
    }
}
