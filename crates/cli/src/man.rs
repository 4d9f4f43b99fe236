//! `busprobe man`: the manual pages, from the same source as `--help`.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap_mangen::Man;

use crate::trouble::Trouble;

/// Print the manual page, or write the pages of all commands to a directory
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  busprobe man | man -l -
  busprobe man ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Where to write busprobe.1, busprobe-read.1 and all others
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, mut command: clap::Command) -> Result<ExitCode, Trouble> {
    // It has no page worth reading.
    command = command.disable_help_subcommand(true);
    command.build();
    let Some(directory) = &args.directory else {
        io::stdout().write_all(&page(&command)?)?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(directory).map_err(|error| Trouble::of_file(directory, &error))?;
    write(directory, "busprobe", &command)?;
    for subcommand in command.get_subcommands() {
        write(directory, &format!("busprobe-{}", subcommand.get_name()), subcommand)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(directory: &Path, name: &str, command: &clap::Command) -> Result<(), Trouble> {
    let path = directory.join(format!("{name}.1"));
    fs::write(&path, page(command)?).map_err(|error| Trouble::of_file(&path, &error))
}

/// The page of a built command.
pub(crate) fn page(command: &clap::Command) -> io::Result<Vec<u8>> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let examples = examples(command);
    if !examples.is_empty() {
        writeln!(page, ".SH EXAMPLES\n.nf")?;
        for example in examples {
            writeln!(page, "{}", example.replace('\\', "\\e").replace('-', "\\-"))?;
        }
        writeln!(page, ".fi")?;
    }
    Ok(page)
}

/// The lines of a command's help that run it.
pub(crate) fn examples(command: &clap::Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let example = |line: &str| line.find("busprobe ").map(|start| line[start..].to_owned());
    help.lines().filter_map(example).collect()
}
