//! What can stand in the way before anything runs.

use std::path::PathBuf;

use thiserror::Error;

use crate::Cpu;

/// Why a libc cannot be put to the test. Each says what to do about it.
#[derive(Debug, Error)]
pub enum LabError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no ELF file, or only a part of one.
    #[error("{path}: not an ELF file, or not a whole one ({what}); copy it anew from its package")]
    NotElf {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is a library of another machine.
    #[error(
        "{path}: code for {machine}; the lab runs aarch64: give an arm64 libc, as Debian's \
         package libc6:arm64 or musl:arm64 has it"
    )]
    OtherMachine {
        /// Which file.
        path: PathBuf,
        /// What the file says it is for.
        machine: String,
    },
    /// The file does not have the function, or its symbols were taken out.
    #[error(
        "{path}: no dynamic symbol {name}: not a libc, or stripped of what programs link to; name \
         the routine with --variant 0xADDRESS, or give the libc as its package has it"
    )]
    NoFunction {
        /// Which file.
        path: PathBuf,
        /// The function.
        name: String,
    },
    /// No symbol has the name that was asked for.
    #[error("{path}: no routine {name}; {hint}")]
    NoVariant {
        /// Which file.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// The names there are, or where to get them.
        hint: String,
    },
    /// The address that was asked for is no code.
    #[error("{path}: {address:#x} lies in no executable segment; code is at {code}")]
    NotCode {
        /// Which file.
        path: PathBuf,
        /// What was asked for.
        address: u64,
        /// Where code is.
        code: String,
    },
    /// The file with the names belongs to another build.
    #[error(
        "{path}: holds the symbols of build {found}, and the libc is build {wanted}; give the \
         debug file of that build (Debian: libc6-dbg of the same version)"
    )]
    OtherBuild {
        /// The file with the names.
        path: PathBuf,
        /// Its build id.
        found: String,
        /// The libc's build id.
        wanted: String,
    },
    /// The resolver wants to know something that the lab cannot answer.
    #[error(
        "the resolver of {function} at {address:#x} {what}: this build picks its variants in a \
         way the lab does not know; name one with --variant"
    )]
    Resolver {
        /// The function.
        function: &'static str,
        /// The resolver's address.
        address: u64,
        /// What it did.
        what: String,
    },
    /// No CPU of that name.
    #[error("no CPU {name:?} is known; known are {}", known_cpus())]
    UnknownCpu {
        /// What was asked for.
        name: String,
    },
    /// The bytes do not fit into the window.
    #[error("bytes {offset:#x} to {end:#x} do not fit the lab's window of {length:#x} bytes")]
    OutsideWindow {
        /// First byte.
        offset: u64,
        /// One past the last.
        end: u64,
        /// Bytes in the window.
        length: u64,
    },
    /// The source lies further out than the lab has memory.
    #[error(
        "a source offset of {offset:#x} is beyond the lab's {longest:#x}; use the offset mod 64"
    )]
    OutsideSource {
        /// What was asked for.
        offset: u64,
        /// The largest there is.
        longest: u64,
    },
}

fn known_cpus() -> String {
    Cpu::names().collect::<Vec<_>>().join(", ")
}
