//! What stops a command, in one line for the person who typed it.

use std::fmt;
use std::path::Path;

/// A message that says what was asked, what stands in the way and what to do; exit status 2.
#[derive(Debug)]
pub(crate) struct Trouble(String);

impl Trouble {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Trouble(message.into())
    }

    /// What the system says of a file.
    pub(crate) fn of_file(path: &Path, error: &std::io::Error) -> Self {
        Trouble(format!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Trouble(error.to_string())
    }
}
