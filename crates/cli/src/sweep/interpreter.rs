//! A cell of the sweep from a real interpreter, wherever that runs.

use std::ffi::OsString;

use busprobe_capture::{Outcome, Watch};
use busprobe_trace::{Direction, Header, Level, Sink, Trace};
use busprobe_verdict::{AxiLite, Intent, Verdict};

use super::cell::Cell;
use super::way::Way;
use crate::trouble::Trouble;

/// A page at least, as any device's window is.
const SMALLEST_WINDOW: u64 = 4096;

/// The Python that writes the blocks.
pub(crate) trait Interpreter {
    /// The command that starts it.
    fn name(&self) -> String;

    /// Whether the package can be imported.
    fn has(&self, package: &str) -> Result<bool, Trouble>;

    /// Runs it with these arguments under capture, its output out of the way.
    fn run(
        &self,
        arguments: Vec<OsString>,
        watch: Watch,
        sink: &mut dyn Sink,
    ) -> Result<Outcome, Trouble>;
}

/// Writes `words` words in that way and judges what the bus saw.
pub(crate) fn cell(python: &dyn Interpreter, way: Way, words: u64) -> Result<Cell, Trouble> {
    let length = (4 * words).max(SMALLEST_WINDOW);
    let window = tempfile::NamedTempFile::new()?;
    window.as_file().set_len(length)?;
    let arguments =
        ["-c".into(), way.program().into(), window.path().into(), words.to_string().into()];

    // The capture puts a header of its own.
    let header = Header::new(Level::Instruction, busprobe_trace::Capture::Native, "");
    let mut trace = Trace::new(header);
    let watch = Watch::file(window.path(), 0..length);
    let outcome = python.run(arguments.into(), watch, &mut trace)?;
    if outcome.status != 0 {
        let (way, status) = (way.name(), outcome.status);
        return Err(Trouble::new(format!("{way}: the program ended with status {status}")));
    }
    let intent = Intent::block(Direction::Write, 0, words, 4);
    let verdict = Verdict::of(&trace.events, &AxiLite::BITS_32, &intent);
    Ok(Cell::new(way.name(), words, &verdict))
}
