//! The `busprobe` command.

mod check;
mod import;
mod keep;
mod summary;
mod sweep;
mod trace;
mod trouble;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::trouble::Trouble;

/// Shows exactly which reads and writes a program puts on a device bus, and puts exactly the ones
/// you mean.
///
/// Exit status: 0 exact or done, 1 a verdict that is not exact, 2 trouble.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Trace(trace::Args),
    Sweep(sweep::Args),
    Check(check::Args),
    Import(import::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Trace(args) => trace::run(args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Import(args) => import::run(&args),
    };
    outcome.unwrap_or_else(|trouble: Trouble| {
        eprintln!("busprobe: {trouble}");
        ExitCode::from(2)
    })
}
