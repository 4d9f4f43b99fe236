//! The formats, and how one is told from another.

use std::fmt;
use std::io::{BufRead, Read};
use std::str::FromStr;

use busprobe_trace::Level;

use super::{
    Dialect, ImportError, dynamorio, ila, lackey, mmiotrace, qemu_mem, qemu_trace, ram_write,
    renode, rwmmio,
};

/// A log whose format does not show in so many bytes has none that is known.
const LOOKED_AT: u64 = 1 << 20;

/// A format of another tool's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// QEMU's trace events `memory_region_*`, of any version, with or without time.
    QemuTrace,
    /// `qemu_ram_write: addr 0x0, data 0x1, size 0x4`, as a device model of one's own prints it.
    RamWrite,
    /// QEMU's `mem` plugin with `print-accesses=true`.
    QemuMem,
    /// Linux's mmiotrace.
    Mmiotrace,
    /// Linux's trace events `rwmmio`.
    Rwmmio,
    /// Valgrind's lackey with `--trace-mem=yes`.
    Lackey,
    /// Renode's log of a peripheral's accesses.
    Renode,
    /// `DynamoRIO`'s `memtrace_simple` and `memtrace_x86` texts, and `drmemtrace`'s view.
    DynamoRio,
    /// Xilinx's integrated logic analyzer, on an AXI4-Lite link, as CSV.
    Ila,
}

impl Format {
    /// Every format, those with the plainest beginnings first.
    pub const ALL: &[Format] = &[
        Format::QemuTrace,
        Format::RamWrite,
        Format::Ila,
        Format::Mmiotrace,
        Format::Rwmmio,
        Format::Renode,
        Format::QemuMem,
        Format::DynamoRio,
        Format::Lackey,
    ];

    /// As `--format` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::QemuTrace => "qemu-trace",
            Format::RamWrite => "ram-write",
            Format::QemuMem => "qemu-mem",
            Format::Mmiotrace => "mmiotrace",
            Format::Rwmmio => "rwmmio",
            Format::Lackey => "lackey",
            Format::Renode => "renode",
            Format::DynamoRio => "dynamorio",
            Format::Ila => "ila",
        }
    }

    /// All names, as a sentence lists them.
    pub(super) fn names() -> String {
        Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
    }

    /// Whether the tool sees what the instruction issues or what arrives at the device.
    #[must_use]
    pub fn level(self) -> Level {
        match self {
            Format::QemuTrace | Format::RamWrite | Format::Renode | Format::Ila => Level::Bus,
            Format::QemuMem
            | Format::Mmiotrace
            | Format::Rwmmio
            | Format::Lackey
            | Format::DynamoRio => Level::Instruction,
        }
    }

    /// The format that begins with `log`; `None` when no line of it is known.
    #[must_use]
    pub fn detect(log: &[u8]) -> Option<Format> {
        log.split(|&byte| byte == b'\n').find_map(|line| Format::of_line(line.trim_ascii_end()))
    }

    /// The format that `line` is of.
    pub(super) fn of_line(line: &[u8]) -> Option<Format> {
        Format::ALL.iter().copied().find(|format| match format {
            Format::QemuTrace => qemu_trace::claims(line),
            Format::RamWrite => ram_write::claims(line),
            Format::QemuMem => qemu_mem::claims(line),
            Format::Mmiotrace => mmiotrace::claims(line),
            Format::Rwmmio => rwmmio::claims(line),
            Format::Lackey => lackey::claims(line),
            Format::Renode => renode::claims(line),
            Format::DynamoRio => dynamorio::claims(line),
            Format::Ila => ila::claims(line),
        })
    }

    pub(super) fn dialect(self) -> Box<dyn Dialect + Send> {
        match self {
            Format::QemuTrace => Box::new(qemu_trace::QemuTrace::default()),
            Format::RamWrite => Box::new(ram_write::RamWrite),
            Format::QemuMem => Box::new(qemu_mem::QemuMem),
            Format::Mmiotrace => Box::new(mmiotrace::Mmiotrace),
            Format::Rwmmio => Box::new(rwmmio::Rwmmio),
            Format::Lackey => Box::new(lackey::Lackey::default()),
            Format::Renode => Box::new(renode::Renode),
            Format::DynamoRio => Box::new(dynamorio::DynamoRio),
            Format::Ila => Box::new(ila::Ila::default()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format's.
#[derive(Debug, thiserror::Error)]
#[error("no format is called {0:?}; known are {names}", names = Format::names())]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let known = Format::ALL.iter().copied().find(|format| format.name() == name);
        known.ok_or_else(|| FormatError(name.to_owned()))
    }
}

/// The format of a log, and what had to be read of it to know.
pub(super) fn find(input: &mut impl BufRead) -> Result<(Format, Vec<u8>), ImportError> {
    let mut begun = Vec::new();
    let mut line = 0;
    let mut input = input.take(LOOKED_AT);
    loop {
        let from = begun.len();
        line += 1;
        let read = input
            .read_until(b'\n', &mut begun)
            .map_err(|source| ImportError::Io { line, source })?;
        if read == 0 {
            let what = if from == 0 {
                "the log is empty".to_owned()
            } else {
                format!("no line of the first {} is of a format that is known", line - 1)
            };
            return Err(ImportError::Unknown { what });
        }
        if let Some(format) = Format::of_line(begun[from..].trim_ascii_end()) {
            return Ok((format, begun));
        }
    }
}
