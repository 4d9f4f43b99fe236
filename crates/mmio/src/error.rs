//! What can go wrong: what was asked, what stands in the way, what to do.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::sim::ScriptError;
use crate::{Action, Direction, Field, Width};

/// Why a TARGET could not be understood, or names nothing.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The text is not a target.
    #[error("{text}: {problem}; {expected}")]
    Syntax {
        /// What was given.
        text: String,
        /// What is wrong with it.
        problem: String,
        /// What to write.
        expected: &'static str,
    },
    /// The device, file or region that it names is not there.
    #[error("{target}: {problem}")]
    NotFound {
        /// The target.
        target: String,
        /// What is not there, and what to do.
        problem: String,
    },
    /// The target has no bytes of its own to map.
    #[error("{target}: {problem}")]
    NoRegion {
        /// The target.
        target: String,
        /// Why, and what to do.
        problem: String,
    },
    /// The text of a simulated device is wrong.
    #[error("{target}: {source}")]
    Script {
        /// The target.
        target: String,
        /// Where, and what.
        source: ScriptError,
    },
    /// A file that has to be asked could not be read.
    #[error("{target}: {}: {source}", path.display())]
    Io {
        /// The target.
        target: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Why a window could not be opened. Nothing was put on the bus.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The target is not one.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The range is longer than this process's address space.
    #[error("{target}: {length:#x} bytes are more than this process can address")]
    TooLong {
        /// The target.
        target: String,
        /// Bytes.
        length: u64,
    },
    /// The system refused.
    #[error("{target}: cannot {action} {}: {source}{}", path.display(), after_colon(reason))]
    Refused {
        /// The target.
        target: String,
        /// What was refused.
        action: Action,
        /// What was to be opened or mapped.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
        /// Which rule it followed, and what helps; empty when that is not known.
        reason: String,
    },
}

fn after_colon(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

/// Why an access, or a run of them, was not made or not completed.
///
/// All but [`AccessError::Fault`] are found before the first access: the bus saw nothing.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AccessError {
    /// Part of it lies outside of the window.
    #[error(
        "{direction} of {count} x {width} bits at offset {offset:#x} does not lie within the \
         window, which is {length:#x} bytes long"
    )]
    OutOfRange {
        /// Read or write.
        direction: Direction,
        /// The first element's offset.
        offset: u64,
        /// The element's width.
        width: Width,
        /// How many elements.
        count: u64,
        /// The window's length in bytes.
        length: u64,
    },
    /// An element would not be at a multiple of its width.
    #[error(
        "{width}-bit {direction} at offset {offset:#x} is not aligned: {what} has to be a \
         multiple of {}", width.bytes()
    )]
    Misaligned {
        /// Read or write.
        direction: Direction,
        /// The offset of the first element.
        offset: u64,
        /// The element's width.
        width: Width,
        /// What has to be aligned: the offset, the stride, or the window's own start.
        what: Misalignment,
    },
    /// The value needs more bits than the access has.
    #[error("{value:#x} does not fit into {width} bits")]
    ValueTooLarge {
        /// The value.
        value: u64,
        /// The element's width.
        width: Width,
    },
    /// A write to a window that was opened for reading.
    #[error(
        "write at offset {offset:#x}: the window was opened read-only; open it without read_only \
         to write"
    )]
    ReadOnly {
        /// The offset of the first element.
        offset: u64,
    },
    /// A place that the window's allow-list does not have.
    #[error("{width}-bit {direction} at offset {offset:#x}: not among the allowed ranges")]
    NotAllowed {
        /// Read or write.
        direction: Direction,
        /// The offset of the first element that is not allowed.
        offset: u64,
        /// The element's width.
        width: Width,
    },
    /// Bits are to be set that are not to be touched.
    #[error("the value {value:#x} has bits outside of the mask {mask:#x}")]
    OutsideMask {
        /// The value.
        value: u64,
        /// The mask.
        mask: u64,
    },
    /// The text or the numbers name no field.
    #[error("{text} is no field: write HI:LO, like 7:4, with bits from 63 down to 0")]
    NoField {
        /// What was given.
        text: String,
    },
    /// The register has no such bits.
    #[error("the field {field} does not lie within {width} bits")]
    FieldOutside {
        /// The field.
        field: Field,
        /// The register's width.
        width: Width,
    },
    /// The value needs more bits than the field has.
    #[error("{value:#x} does not fit into the field {field}")]
    TooLargeForField {
        /// The value.
        value: u64,
        /// The field.
        field: Field,
    },
    /// The bus or the memory system refused an access in the middle of the run.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// What is not a multiple of the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misalignment {
    /// The offset of the first element.
    Offset,
    /// The bytes from one element to the next.
    Stride,
    /// The window's start in memory.
    Window,
}

impl std::fmt::Display for Misalignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Misalignment::Offset => "the offset",
            Misalignment::Stride => "the stride",
            Misalignment::Window => "the start of the window",
        })
    }
}

/// An access that was answered by SIGBUS or SIGSEGV. The process lives on.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "{signal} on {} {width}-bit {direction} at offset {offset:#x}{}, after {completed} completed \
     accesses", article(*.width), bus_address(*.address)
)]
pub struct Fault {
    /// What the kernel sent.
    pub signal: Signal,
    /// Read or write.
    pub direction: Direction,
    /// The offset of the element that failed.
    pub offset: u64,
    /// Its bus address, when the window's is known.
    pub address: Option<u64>,
    /// The element's width.
    pub width: Width,
    /// How many accesses of the run were made before this one.
    pub completed: u64,
}

/// An eight, and a sixteen, a thirty-two.
fn article(width: Width) -> &'static str {
    if width == Width::W8 { "an" } else { "a" }
}

fn bus_address(address: Option<u64>) -> String {
    address.map_or_else(String::new, |address| format!(" (bus address {address:#x})"))
}

/// How the kernel reports an access that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The bus answered with an error, or nothing is behind the mapping.
    Sigbus,
    /// The mapping does not allow the access.
    Sigsegv,
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Signal::Sigbus => "SIGBUS",
            Signal::Sigsegv => "SIGSEGV",
        })
    }
}
