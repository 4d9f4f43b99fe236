//! What a trace says of itself, and the windows it speaks of.

use serde::{Deserialize, Serialize};

/// Where on the way to the device the accesses were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What the instruction issued, at the instruction's own width.
    Instruction,
    /// What the bus saw, after the interconnect or emulator had split or merged it.
    Bus,
}

/// The way the accesses were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// The program ran on this machine's CPU.
    Native,
    /// The program ran under QEMU's user-mode emulation.
    Qemu,
    /// The program ran in a QEMU guest; the bus log is the machine emulation's own.
    Guest,
    /// Machine code ran in an emulated CPU against a modelled window.
    Lab,
    /// A simulated device recorded what came to it.
    Sim,
    /// A recorder on the bus itself.
    Recorder,
    /// Another tool's log.
    Import,
}

/// The first record of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the trace format; this library reads and writes [`Header::VERSION`].
    pub version: u32,
    /// At which level the accesses were seen.
    pub level: Level,
    /// By which way they were seen.
    pub capture: Capture,
    /// The instruction set, as Rust names it: `x86_64`, `aarch64`.
    pub machine: String,
    /// The CPU model, when one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The command that ran, word by word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// What of it was asked for, when that was not all: `--only writes --limit 100`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
}

impl Header {
    /// The version of the format that this library writes, and the newest that it reads.
    pub const VERSION: u32 = 1;

    /// A header of the current version without a CPU model or a command.
    #[must_use]
    pub fn new(level: Level, capture: Capture, machine: &str) -> Self {
        Header {
            version: Self::VERSION,
            level,
            capture,
            machine: machine.to_owned(),
            cpu: None,
            command: Vec::new(),
            selection: None,
        }
    }

    /// Whether the command is a Python interpreter's, by its file name.
    #[must_use]
    pub fn runs_python(&self) -> bool {
        let program = self.command.first().and_then(|program| program.rsplit('/').next());
        program.is_some_and(|name| name.starts_with("python") || name.starts_with("pypy"))
    }
}

/// A contiguous range of device memory; accesses count their offset from its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What accesses call it by; unique within a trace.
    pub id: u32,
    /// The target as the user named it: `file:win.bin+4K`.
    pub name: String,
    /// The bus address of offset 0, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<u64>,
    /// Bytes.
    pub length: u64,
}
