//! A capture, from the command to its outcome.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use busprobe_trace::{Header, Level, Record, Sink};

use super::error::Error;
use super::launch::{self, Program};
use super::recorder::Recorder;
use super::tracer::Tracer;
use super::watch::WatchList;
use crate::terminal::TerminalSignals;
use crate::{Outcome, Watch};

/// A program to run, and the windows to watch meanwhile.
pub struct Capture {
    program: Program,
    watches: Vec<Watch>,
    with_stacks: bool,
}

impl Capture {
    /// A capture of a command: a program, looked up as a shell does, and its arguments.
    pub fn new<W: Into<OsString>>(command: impl IntoIterator<Item = W>) -> Capture {
        let words = command.into_iter().map(Into::into).collect();
        Capture {
            program: Program { words, environment: Vec::new(), output: None },
            watches: Vec::new(),
            with_stacks: false,
        }
    }

    /// Watches one window more. Windows get ids from 0 in this order.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Capture {
        self.watches.push(watch);
        self
    }

    /// Records who called the functions that make accesses; sites are told apart by that.
    #[must_use]
    pub fn stacks(mut self) -> Capture {
        self.with_stacks = true;
        self
    }

    /// Changes an environment variable for the program.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Capture {
        self.program.environment.push((name.into(), value.into()));
        self
    }

    /// Sends the program's standard output elsewhere.
    #[must_use]
    pub fn stdout(mut self, output: impl Into<OwnedFd>) -> Capture {
        self.program.output = Some(output.into());
        self
    }

    /// The header of a native trace on this machine, without a command.
    #[must_use]
    pub fn header() -> Header {
        Header::new(Level::Instruction, busprobe_trace::Capture::Native, std::env::consts::ARCH)
    }

    /// Runs the program to its end and puts the trace into `sink` as it happens.
    ///
    /// The calling thread traces; children that it started itself, other than through this, would
    /// be waited for and forgotten.
    ///
    /// # Errors
    /// When the program or a watch cannot be started, see [`Error`]. A sink that fails is no error
    /// here but in the [`Outcome`].
    pub fn run(self, sink: &mut dyn Sink) -> Result<Outcome, Error> {
        let Capture { program, watches, with_stacks } = self;
        let list = WatchList::resolve(&watches)
            .map_err(|(path, source)| Error::NotWatchable { path, source })?;
        let mut header = Capture::header();
        header.command =
            program.words.iter().map(|word| word.to_string_lossy().into_owned()).collect();

        let started = launch::start(&program)?;
        // Only now: a program inherits what is ignored.
        let _ignored = TerminalSignals::leave_to_program();
        let mut recorder = Recorder::new(sink);
        recorder.put(&Record::Trace(header));
        for (id, watch) in (0..).zip(&watches) {
            recorder.put(&Record::Window(watch.window(id)));
        }
        let mut tracer = Tracer::new(recorder, list, started);
        if with_stacks {
            tracer.sites.record_stacks();
        }
        tracer.run()
    }
}
