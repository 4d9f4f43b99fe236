//! Waveforms as traces: what an AXI4-Lite link in a simulation carried, or the beats that
//! [`export`](crate::export) had drawn.
//!
//! The link is found by the names of its wires; a transfer is VALID and READY at a rising edge of
//! the clock. What counts is a wire's value before the edge: what changes at the edge's own time is
//! the edge's doing.
//!
//! ```no_run
//! use busprobe_logs::import::waveform::{Options, read_vcd};
//! use busprobe_trace::{Capture, Header, Level, Trace};
//!
//! let file = std::io::BufReader::new(std::fs::File::open("sim.vcd")?);
//! let mut trace = Trace::new(Header::new(Level::Bus, Capture::Import, "unknown"));
//! read_vcd(file, &Options { link: Some("dut.s_axi"), ..Default::default() }, &mut trace)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod beats;
mod error;
mod format;
mod fst;
mod link;
mod playback;
mod vcd;
mod wires;

use std::ops::RangeInclusive;

pub use error::ReadError;
pub use format::Format;
pub use fst::read_fst;
pub use vcd::read_vcd;

/// What became of a waveform that could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Accesses put into the trace.
    pub accesses: u64,
    /// Where the file ends in the middle.
    pub cut_off: Option<String>,
    /// Where time first went backwards.
    pub backwards: Option<String>,
}

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The link, when the file has several: its scope and prefix, or the end of that.
    pub link: Option<&'a str>,
    /// The clock, when its name does not tell: its full name, or the end of that.
    pub clock: Option<&'a str>,
    /// The bytes that are of interest, by the link's addresses; `None` for all. What touches none
    /// of them is left out, and the window is this range in whole words of the link.
    pub only: Option<RangeInclusive<u64>>,
}
