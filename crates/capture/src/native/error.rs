//! Why a capture could not be made.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a capture could not be made. The program did not run, or was ended; one that was attached to
/// runs on.
#[derive(Debug, Error)]
pub enum Error {
    /// No command was given.
    #[error("no command to run: give one after `--`")]
    NoCommand,
    /// A word of the command or environment holds a NUL.
    #[error("{0:?} contains a NUL byte, which no command can")]
    Nul(String),
    /// Nothing of that name is in `PATH`.
    #[error("{0}: command not found")]
    NotFound(String),
    /// The command is there, and the system refuses to run it.
    #[error("cannot run {}: {source}", path.display())]
    NotRun {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file to watch is not there.
    #[error("cannot watch {}: {source}", path.display())]
    NotWatchable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program is for another instruction set than the machine's 64-bit one.
    #[error("{}: a 32-bit program; native capture is for 64-bit programs", path.display())]
    Not64Bit {
        /// Which file.
        path: PathBuf,
    },
    /// The program would run as another user, and a traced program may not.
    #[error(
        "{}: a setuid or setgid program does not get its rights while it is traced; run busprobe \
         as root",
        path.display()
    )]
    Privileged {
        /// Which file.
        path: PathBuf,
    },
    /// There is no such process to attach to, or none that can be.
    #[error("cannot attach to process {pid}: it {what}")]
    NoProcess {
        /// Which.
        pid: i32,
        /// Why not, after "it": "has ended".
        what: &'static str,
    },
    /// A thread's number was given for a process's.
    #[error("cannot attach to {tid}: it is a thread of process {process}; attach to that")]
    IsThread {
        /// What was given.
        tid: i32,
        /// What it belongs to.
        process: i32,
    },
    /// A process has one tracer at most.
    #[error(
        "cannot attach to process {pid}: {name} (process {tracer}) traces it already; end that"
    )]
    Traced {
        /// Which.
        pid: i32,
        /// The other tracer's process.
        tracer: i32,
        /// Its name.
        name: String,
    },
    /// The system does not let this user attach to that process.
    #[error("the system does not permit attaching to process {pid} (ptrace): {remedy}")]
    NotAttachable {
        /// Which.
        pid: i32,
        /// What to do.
        remedy: String,
    },
    /// The kernel does not let this user trace.
    #[error("the system does not permit tracing (ptrace): {remedy}")]
    NotPermitted {
        /// What to do.
        remedy: String,
    },
    /// The kernel lacks what the capture needs.
    #[error("cannot filter system calls (seccomp): {source}")]
    NoFilter {
        /// What the system said.
        source: io::Error,
    },
    /// Starting or governing the program failed otherwise.
    #[error("{action} failed: {source}")]
    System {
        /// What was being done.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn system(action: &'static str, source: impl Into<io::Error>) -> Error {
        Error::System { action, source: source.into() }
    }
}
