//! An interpreter for another machine, run under QEMU.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};

use busprobe_capture::{Outcome, Watch, qemu};
use busprobe_trace::{Capture, Header, Level, Sink, Trace};

use super::interpreter::Interpreter;
use crate::emulation::Emulation;
use crate::trouble::Trouble;

/// Python on an emulated CPU.
pub(crate) struct Emulated<'a> {
    path: PathBuf,
    emulation: &'a Emulation,
}

impl<'a> Emulated<'a> {
    /// Makes sure that `path` runs Python.
    pub(crate) fn find(path: &Path, emulation: &'a Emulation) -> Result<Self, Trouble> {
        let emulated = Emulated { path: path.into(), emulation };
        if emulated.tells("import mmap")? {
            return Ok(emulated);
        }
        Err(Trouble::new(format!("{}: this is no Python 3", path.display())))
    }

    /// Whether a program ends well.
    fn tells(&self, program: &str) -> Result<bool, Trouble> {
        let mut nobody = Trace::new(Header::new(Level::Instruction, Capture::Qemu, ""));
        let run = self.capture(vec!["-c".into(), program.into()])?.run(&mut nobody)?;
        Ok(run.status == 0)
    }

    fn capture(&self, arguments: Vec<OsString>) -> Result<qemu::Capture, Trouble> {
        let command = [vec![self.path.clone().into_os_string()], arguments].concat();
        Ok(self.emulation.capture(command).stdout(File::open("/dev/null")?))
    }
}

impl Interpreter for Emulated<'_> {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn has(&self, package: &str) -> Result<bool, Trouble> {
        self.tells(&format!(
            "import importlib.util, sys; sys.exit(not importlib.util.find_spec('{package}'))"
        ))
    }

    fn run(
        &self,
        arguments: Vec<OsString>,
        watch: Watch,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, Trouble> {
        Ok(self.capture(arguments)?.watch(watch).run(sink)?)
    }
}
