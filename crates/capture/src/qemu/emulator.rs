//! QEMU's user-mode emulator, and whether it is fit.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::Error;

/// An emulator that takes plugins.
#[derive(Debug)]
pub(crate) struct Emulator {
    pub(crate) path: PathBuf,
}

impl Emulator {
    /// The emulator at `path`, or else `qemu-ARCH` in `PATH`.
    pub(crate) fn find(path: Option<&Path>, arch: &str) -> Result<Emulator, Error> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => in_path(&format!("qemu-{arch}"))?,
        };
        let emulator = Emulator { path };
        let takes_plugins = emulator.says("-h")?.lines().any(|line| line.starts_with("-plugin"));
        if takes_plugins { Ok(emulator) } else { Err(Error::NoPlugins { path: emulator.path }) }
    }

    /// Checks that there is such a CPU; `MODEL,feature=on` is of that model.
    pub(crate) fn check_cpu(&self, cpu: &str) -> Result<(), Error> {
        let model = cpu.split(',').next().unwrap_or(cpu);
        let list = self.says("-cpu help")?;
        if list.split_whitespace().any(|word| word.trim_matches('\'') == model) {
            return Ok(());
        }
        // A list is one CPU a line, indented, below a heading.
        let known = list.lines().filter(|line| line.starts_with(' '));
        let known = known.filter_map(|line| line.split_whitespace().next().map(str::to_owned));
        let (cpu, path, known) = (cpu.to_owned(), self.path.clone(), known.collect());
        Err(Error::UnknownCpu { cpu, path, known })
    }

    /// What it prints when asked about itself.
    fn says(&self, question: &str) -> Result<String, Error> {
        let output = Command::new(&self.path)
            .args(question.split(' '))
            .stdin(Stdio::null())
            .output()
            .map_err(|source| Error::EmulatorNotRun { path: self.path.clone(), source })?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn in_path(name: &str) -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATH");
    let folders = path.as_deref().map(OsStr::to_owned).unwrap_or_default();
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .ok_or_else(|| Error::NoEmulator { name: name.to_owned() })
}
