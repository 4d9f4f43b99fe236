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

/// Ends the program over its arguments: prints what was asked for (help, the version), or says in
/// one line what is wrong with them.
pub(crate) fn stop_at_usage(error: &clap::Error) -> ! {
    use clap::error::ErrorKind::{
        DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion,
    };
    if let DisplayHelp | DisplayVersion | DisplayHelpOnMissingArgumentOrSubcommand = error.kind() {
        error.exit();
    }
    let text = error.to_string();
    // What follows says only how to ask for help.
    let message = text.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    let words: Vec<&str> = message.split_whitespace().collect();
    eprintln!("busprobe: {}", words.join(" ").trim_start_matches("error: "));
    std::process::exit(2)
}
