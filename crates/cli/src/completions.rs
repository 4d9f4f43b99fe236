//! `busprobe completions`: what a shell needs to complete the command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap_complete::Shell;

use crate::trouble::Trouble;

/// Print the completions for a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe completions bash > ~/.local/share/bash-completion/completions/busprobe
  busprobe completions fish > ~/.config/fish/completions/busprobe.fish")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> Result<ExitCode, Trouble> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "busprobe", &mut script);
    io::stdout().write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
