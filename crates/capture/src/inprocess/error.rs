//! Why a window cannot be watched from within.

use std::io;

use thiserror::Error;

/// Why a window cannot be watched from within.
#[derive(Debug, Error)]
pub enum Error {
    /// The CPU does not let a program step itself.
    #[error(
        "a program can watch its own windows on x86-64 only; run it under `busprobe trace --watch \
         TARGET -- COMMAND` here"
    )]
    OtherMachine,
    /// There is nothing to watch.
    #[error("{name} has no bytes to watch")]
    Empty {
        /// What the caller calls the window.
        name: String,
    },
    /// Not all of it is memory of this process.
    #[error("{name}: nothing is mapped at {address:#x}: is the window closed?")]
    NotMapped {
        /// What the caller calls the window.
        name: String,
        /// The first address where nothing is.
        address: u64,
    },
    /// The memory is the process's own.
    #[error(
        "{name} is private memory, which cannot be mapped a second time and so not be watched: map \
         a device or a file with MAP_SHARED, as mmap.mmap does by default"
    )]
    Private {
        /// What the caller calls the window.
        name: String,
    },
    /// The window could not be mapped a second time.
    #[error(
        "{name} cannot be mapped a second time ({source}): keep its file open meanwhile, or run \
         the program under `busprobe trace`"
    )]
    NoAlias {
        /// What the caller calls the window.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is an end to how many mappings can be watched.
    #[error("more than {most} mappings are watched at a time")]
    TooMany {
        /// How many can be.
        most: usize,
    },
    /// The system refused something that the capture needs.
    #[error("{what}: {source}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
}

#[cfg(target_arch = "x86_64")]
impl Error {
    pub(super) fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::Refused { what, source }
    }
}
