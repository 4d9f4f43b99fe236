//! Help, manual pages and completions are complete, and their examples are commands.

use clap::{Command, CommandFactory, Parser};
use clap_complete::Shell;

use crate::{Cli, man};

/// Every command, built, as a user can run it.
fn commands() -> Vec<Command> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let commands: Vec<Command> = command.get_subcommands().cloned().collect();
    assert!(commands.len() > 10);
    commands
}

#[test]
fn every_command_has_an_example_and_the_example_parses() {
    for command in commands() {
        let examples = man::examples(&command);
        assert!(!examples.is_empty(), "{} has no example", command.get_name());
        for example in examples {
            // What the shell itself would take.
            let own = example.split(['>', '|']).next().unwrap();
            let words = shlex::split(own).unwrap_or_else(|| panic!("{example}"));
            assert_eq!(words[1], command.get_name(), "{example}");
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{example}: {error}");
            }
        }
    }
}

#[test]
fn help_and_manual_say_what_each_option_is_for() {
    for mut command in commands() {
        let help = command.render_long_help().to_string();
        let page = String::from_utf8(man::page(&command).unwrap()).unwrap();
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_help().is_some(), "{} {name}", command.get_name());
            let Some(long) = argument.get_long() else { continue };
            let escaped = long.replace('-', "\\-");
            assert!(help.contains(&format!("--{long}")), "{} --{long}", command.get_name());
            assert!(page.contains(&format!("\\-\\-{escaped}")), "{} --{long}", command.get_name());
        }
        for example in man::examples(&command) {
            assert!(page.contains(&example.replace('-', "\\-")), "{example}");
        }
    }
}

#[test]
fn each_shell_completes_each_command() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish, Shell::Elvish, Shell::PowerShell] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "busprobe", &mut script);
        let script = String::from_utf8(script).unwrap();
        for command in commands() {
            assert!(script.contains(command.get_name()), "{shell} {}", command.get_name());
        }
    }
}

#[test]
fn every_command_gets_a_page_in_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let words = ["busprobe", "man", directory.path().to_str().unwrap()];
    let Ok(Cli { command: crate::Command::Man(args) }) = Cli::try_parse_from(words) else {
        panic!("it is the command of manual pages")
    };
    man::run(&args, Cli::command()).unwrap();
    let page = |name: &str| std::fs::read_to_string(directory.path().join(name)).unwrap();
    assert!(page("busprobe.1").contains("busprobe\\-read(1)"));
    for command in commands() {
        let text = page(&format!("busprobe-{}.1", command.get_name()));
        assert!(text.contains(".SH EXAMPLES\n.nf\nbusprobe "), "{}", command.get_name());
    }
}
