//! One call of a routine: what is asked, and how it ended.

use std::fmt;

use busprobe_trace::{Site, Trace, text};

/// What happens to an access to the window that is not aligned to its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unaligned {
    /// It faults and the program gets SIGBUS: what the architecture demands of Device memory
    /// (Arm ARM, "Alignment support"), where each register has to be aligned to its size.
    #[default]
    Fault,
    /// Each 8 bytes that are not aligned become single bytes: what QEMU before 9.0 does instead.
    Bytes,
    /// The access goes out as it is and the bus splits it into beats: what an interconnect does
    /// for memory that is mapped Normal, non-cacheable.
    Beats,
}

/// A call to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// First byte written, from the window's start.
    pub destination: u64,
    /// Where the source begins, from an address that is a multiple of 4096.
    pub source: u64,
    /// Bytes.
    pub length: u64,
    /// What `memset` fills with.
    pub fill: u8,
    /// What becomes of an unaligned access.
    pub unaligned: Unaligned,
}

impl Call {
    /// A call on `length` bytes, all aligned.
    #[must_use]
    pub fn of(length: u64) -> Self {
        Call { destination: 0, source: 0, length, fill: 0, unaligned: Unaligned::Fault }
    }
}

/// The bytes that a copy of `length` bytes is made from: 0, 1, 2 and so on; a single word is the
/// number 1.
#[must_use]
pub fn pattern(length: u64) -> Vec<u8> {
    if length == 4 { vec![1, 0, 0, 0] } else { (0..length).map(|index| index as u8).collect() }
}

/// What a call did.
#[derive(Clone, Debug)]
pub struct Run {
    /// The accesses, one an instruction, each with its site. When the call did not return, the
    /// last event is a loss that says why.
    pub trace: Trace,
    /// How the call ended.
    pub ending: Ending,
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Returned,
    /// An access that Device memory does not allow.
    AlignmentFault {
        /// The instruction.
        site: Site,
        /// Where in the window.
        offset: u64,
        /// What its address would have to be a multiple of.
        alignment: u32,
    },
    /// The routine was found, and came to an instruction that the emulator does not have.
    NotExecuted {
        /// The instruction.
        site: Site,
        /// What stands in the way: `SVE`, `MOPS`, `DC ZVA`.
        what: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = |site: &Site| {
            let instruction = site.text.as_deref().unwrap_or("an unknown instruction");
            format!("{instruction} at {}", text::place(site))
        };
        match self {
            Ending::Returned => f.write_str("returned"),
            Ending::AlignmentFault { site, offset, alignment } => write!(
                f,
                "alignment fault: {} accesses {offset:#x}, which is no multiple of {alignment}; on \
                 Device memory the program gets SIGBUS here, and nothing after it runs",
                code(site)
            ),
            Ending::NotExecuted { site, what } => write!(
                f,
                "resolved, not executed: {} needs {what}, which the lab's emulator does not run; \
                 nothing after it ran",
                code(site)
            ),
        }
    }
}
