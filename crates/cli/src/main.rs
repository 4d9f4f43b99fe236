//! The `busprobe` command.

mod access;
mod beat_kind;
mod check;
mod completions;
mod diagnose;
mod diff;
mod emulation;
mod explain;
mod export;
#[cfg(test)]
mod help_tests;
mod import;
mod judging;
mod keep;
mod man;
mod markup;
mod picture;
mod record;
mod report;
mod summary;
mod sweep;
mod trace;
mod trace_file;
mod trouble;
mod verdict_table;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::access::{compare, devmem, dump, fill, list, load, poll, read, write};
use crate::trouble::Trouble;

/// Shows exactly which reads and writes a program puts on a device bus, and puts exactly the ones
/// you mean.
///
/// Exit status: 0 exact or done, 1 a verdict that is not exact or a difference, 2 trouble.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Read(read::Args),
    Write(write::Args),
    Fill(fill::Args),
    Dump(dump::Args),
    Load(load::Args),
    Compare(compare::Args),
    Poll(poll::Args),
    List(list::Args),
    Devmem(devmem::Args),
    #[command(display_order = 98)]
    Completions(completions::Args),
    #[command(display_order = 99)]
    Man(man::Args),
    Trace(trace::Args),
    Record(record::Args),
    Sweep(sweep::Args),
    Check(check::Args),
    Explain(explain::Args),
    Import(import::Args),
    Export(export::Args),
    Diff(diff::Args),
    Diagnose(diagnose::Args),
    Report(report::Args),
}

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| trouble::stop_at_usage(&error));
    let outcome = match cli.command {
        Command::Read(args) => read::run(&args),
        Command::Write(args) => write::run(&args),
        Command::Fill(args) => fill::run(&args),
        Command::Dump(args) => dump::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Poll(args) => poll::run(&args),
        Command::List(args) => list::run(&args),
        Command::Devmem(args) => Ok(devmem::run(&args)),
        Command::Completions(args) => completions::run(&args, Cli::command()),
        Command::Man(args) => man::run(&args, Cli::command()),
        Command::Trace(args) => trace::run(args),
        Command::Record(args) => record::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Diagnose(args) => diagnose::run(&args),
        Command::Report(args) => report::run(&args),
    };
    outcome.unwrap_or_else(|trouble: Trouble| {
        eprintln!("busprobe: {trouble}");
        ExitCode::from(2)
    })
}
