//! What stands in the way of a waveform.

use std::io;

use thiserror::Error;

/// Why a file could not be read, or not to its end. What came before stays in the sink.
#[derive(Debug, Error)]
pub enum ReadError {
    /// A VCD is none, or is damaged.
    #[error("line {line}: not as VCD has it: {what}")]
    Vcd {
        /// From 1.
        line: u64,
        /// What was found there.
        what: String,
    },
    /// An FST is none, or is damaged.
    #[error("byte {byte}: not as FST has it: {what}")]
    Fst {
        /// Where the block begins that is at fault, from 0.
        byte: u64,
        /// What was found there.
        what: String,
    },
    /// No set of wires is a link's.
    #[error(
        "no AXI4-Lite link here: none of the {wires} wires' names go together as ..awaddr, \
         ..awvalid, ..awready, ..wdata and so on; was the link's scope dumped?"
    )]
    NoLink {
        /// How many wires there are.
        wires: usize,
    },
    /// Which of several links is meant is not clear.
    #[error("{} links: {}; say which", names.len(), names.join(", "))]
    Links {
        /// Those that there are, or that the asked name fits.
        names: Vec<String>,
    },
    /// The asked link is not there.
    #[error("no link {asked:?}; there is {}", names.join(", "))]
    NoSuchLink {
        /// What was asked for.
        asked: String,
        /// Those that there are.
        names: Vec<String>,
    },
    /// The link is not AXI4-Lite.
    #[error("{link} has AWLEN or ARLEN: a full AXI4 link, whose bursts cannot be told apart here")]
    FullAxi {
        /// Its name.
        link: String,
    },
    /// The data is neither 32 nor 64 bits wide.
    #[error("{link} has {bits} bits of data; AXI4-Lite has 32 or 64")]
    Width {
        /// Its name.
        link: String,
        /// How wide it is.
        bits: u32,
    },
    /// No clock.
    #[error("no clock for {link}: no wire called aclk, clk or clock beside it; say which it is")]
    NoClock {
        /// The link's name.
        link: String,
    },
    /// The sink did not take a record, or the file could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}
