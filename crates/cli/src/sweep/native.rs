//! A cell of the sweep on this machine: a real interpreter, under the native capture.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use busprobe_capture::native::{Capture, Watch};
use busprobe_trace::{Direction, Trace};
use busprobe_verdict::{AxiLite, Intent, Verdict};

use super::cell::Cell;
use super::way::Way;
use crate::trouble::Trouble;

/// A page at least, as any device's window is.
const SMALLEST_WINDOW: u64 = 4096;

/// The Python that writes the blocks.
pub(crate) struct Interpreter {
    path: PathBuf,
}

impl Interpreter {
    /// Makes sure that `path` runs Python.
    pub(crate) fn find(path: &Path) -> Result<Self, Trouble> {
        let interpreter = Interpreter { path: path.into() };
        match interpreter.python("import mmap; print(mmap.PAGESIZE)").output() {
            Ok(output) if output.stdout.ends_with(b"\n") => Ok(interpreter),
            Ok(_) => Err(Trouble::new(format!("{}: this is no Python 3", path.display()))),
            Err(error) => Err(Trouble::of_file(path, &error)),
        }
    }

    /// Whether the package can be imported.
    pub(crate) fn has(&self, package: &str) -> bool {
        let import = self.python(&format!("import {package}")).output();
        import.is_ok_and(|output| output.status.success())
    }

    /// Writes `words` words in that way and judges what the bus saw.
    pub(crate) fn run(&self, way: Way, words: u64) -> Result<Cell, Trouble> {
        let length = (4 * words).max(SMALLEST_WINDOW);
        let window = tempfile::NamedTempFile::new()?;
        window.as_file().set_len(length)?;
        let command = [
            self.path.as_os_str(),
            "-c".as_ref(),
            way.program().as_ref(),
            window.path().as_os_str(),
            words.to_string().as_ref(),
        ]
        .map(std::ffi::OsStr::to_owned);

        let mut trace = Trace::new(Capture::header());
        let outcome = Capture::new(command)
            .watch(Watch::file(window.path(), 0..length))
            .stdout(File::open("/dev/null")?)
            .run(&mut trace)?;
        if outcome.status != 0 {
            let (way, status) = (way.name(), outcome.status);
            return Err(Trouble::new(format!("{way}: the program ended with status {status}")));
        }
        let intent = Intent::block(Direction::Write, 0, words, 4);
        let verdict = Verdict::of(&trace.events, &AxiLite::BITS_32, &intent);
        Ok(Cell::new(way.name(), words, &verdict))
    }

    fn python(&self, program: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.args(["-c", program]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }
}
