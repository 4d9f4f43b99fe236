//! The interpreter of this machine, under the native capture.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use busprobe_capture::native::Capture;
use busprobe_capture::{Outcome, Watch};
use busprobe_trace::Sink;

use super::interpreter::Interpreter;
use crate::trouble::Trouble;

/// Python on this machine's CPU.
pub(crate) struct Native {
    path: PathBuf,
}

impl Native {
    /// Makes sure that `path` runs Python.
    pub(crate) fn find(path: &Path) -> Result<Self, Trouble> {
        let native = Native { path: path.into() };
        match native.python("import mmap; print(mmap.PAGESIZE)").output() {
            Ok(output) if output.stdout.ends_with(b"\n") => Ok(native),
            Ok(_) => Err(Trouble::new(format!("{}: this is no Python 3", path.display()))),
            Err(error) => Err(Trouble::of_file(path, &error)),
        }
    }

    fn python(&self, program: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["-c", program]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Interpreter for Native {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn has(&self, package: &str) -> Result<bool, Trouble> {
        let import = self.python(&format!("import {package}")).output()?;
        Ok(import.status.success())
    }

    fn run(
        &self,
        arguments: Vec<OsString>,
        watch: Watch,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, Trouble> {
        let command = [vec![self.path.clone().into_os_string()], arguments].concat();
        Ok(Capture::new(command).watch(watch).stdout(File::open("/dev/null")?).run(sink)?)
    }
}
