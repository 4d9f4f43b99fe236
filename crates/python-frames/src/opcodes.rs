//! The names of bytecode instructions.
//!
//! Each file of `opcodes/` has a line a number, with the name that `dis` shows for it: a
//! specialised or instrumented instruction has the name of the one that it stands for. They were
//! made from `opcode.opname` and `_PyOpcode_Deopt` of `CPython` 3.8.18, 3.9.18, 3.10.13, 3.11.7,
//! 3.12.1 and 3.13.0; numbers are the same in all releases of a minor version, since compiled
//! files have to be.

use crate::version::Version;

/// The instructions of one version.
#[derive(Clone)]
pub(crate) struct Opcodes {
    names: [Option<&'static str>; 256],
}

impl Opcodes {
    pub(crate) fn of(version: Version) -> Opcodes {
        let table = match version {
            Version::V3_8 => include_str!("../opcodes/3.8.txt"),
            Version::V3_9 => include_str!("../opcodes/3.9.txt"),
            Version::V3_10 => include_str!("../opcodes/3.10.txt"),
            Version::V3_11 => include_str!("../opcodes/3.11.txt"),
            Version::V3_12 => include_str!("../opcodes/3.12.txt"),
            Version::V3_13 => include_str!("../opcodes/3.13.txt"),
        };
        let mut names = [None; 256];
        for (number, name) in table.lines().filter_map(|line| line.split_once(' ')) {
            names[number.parse::<u8>().map_or(0, usize::from)] = Some(name);
        }
        Opcodes { names }
    }

    pub(crate) fn name(&self, opcode: u8) -> Option<&'static str> {
        self.names[usize::from(opcode)]
    }

    /// Whether it is but a prefix of the instruction that follows.
    pub(crate) fn is_prefix(&self, opcode: u8) -> bool {
        self.name(opcode) == Some("EXTENDED_ARG")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specialised_and_instrumented_instructions_have_the_name_they_stand_for() {
        let opcodes = Opcodes::of(Version::V3_12);
        // STORE_SUBSCR, STORE_SUBSCR_LIST_INT, INSTRUMENTED_CALL, INSTRUMENTED_LINE.
        let names = [60, 160, 241, 254].map(|opcode| opcodes.name(opcode));
        assert_eq!(names, [Some("STORE_SUBSCR"), Some("STORE_SUBSCR"), Some("CALL"), None]);
    }

    /// What stands in the place of any instruction, and what is never run.
    const NAMELESS: [&str; 5] =
        ["CACHE", "INSTRUMENTED_LINE", "INSTRUMENTED_INSTRUCTION", "RESERVED", "ENTER_EXECUTOR"];

    /// Names and numbers as the installed interpreters have them.
    #[test]
    fn names_are_those_of_dis() {
        let print = "import opcode\nfor name, number in opcode.opmap.items():\n  \
                     number < 256 and print(number, name)";
        let versions = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"];
        let home = std::env::var("HOME").unwrap_or_default();
        let installed = std::fs::read_dir(format!("{home}/.pyenv/versions"))
            .map_or_else(|_| Vec::new(), |entries| entries.flatten().collect());
        for (version, name) in Version::ALL.into_iter().zip(versions) {
            let folder = installed
                .iter()
                .find(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{name}.")));
            let Some(folder) = folder else {
                skip::because(format_args!("there is no CPython {name} here"));
                continue;
            };
            let python = folder.path().join("bin/python3");
            let output = std::process::Command::new(python).args(["-c", print]).output().unwrap();
            let opcodes = Opcodes::of(version);
            let lines = String::from_utf8(output.stdout).unwrap();
            assert!(lines.lines().count() > 100, "{version:?}");
            for (number, name) in lines.lines().filter_map(|line| line.split_once(' ')) {
                let ours = opcodes.name(number.parse().unwrap());
                if !NAMELESS.contains(&name) {
                    let name = name.trim_start_matches("INSTRUMENTED_");
                    assert_eq!(ours, Some(name), "{version:?} {number}");
                }
            }
        }
    }

    #[test]
    fn every_version_has_its_prefix() {
        for version in Version::ALL {
            let opcodes = Opcodes::of(version);
            let prefixes = (0..=255).filter(|opcode| opcodes.is_prefix(*opcode)).count();
            assert!((1..=2).contains(&prefixes), "{version:?}");
        }
    }
}
