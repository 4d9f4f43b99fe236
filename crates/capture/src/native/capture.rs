//! A capture, from the command to its outcome.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use busprobe_trace::{Header, Level, Record, Sink};

use super::error::Error;
use super::recorder::Recorder;
use super::requests::Requests;
use super::tracer::{Origin, Tracer};
use crate::native::marks::mark_on::{MarkOn, Marked, NotFound, Wanted};
use crate::native::program::attach;
use crate::native::program::launch::{self, Program};
use crate::native::windows::watch::WatchList;
use crate::{Outcome, Watch};

/// A program to run or to attach to, and the windows to watch meanwhile.
pub struct Capture {
    subject: Subject,
    watches: Vec<Watch>,
    with_stacks: bool,
    marked: Marked,
}

enum Subject {
    Program(Program),
    Process(i32),
}

impl Capture {
    /// A capture of a command: a program, looked up as a shell does, and its arguments.
    pub fn new<W: Into<OsString>>(command: impl IntoIterator<Item = W>) -> Capture {
        let words = command.into_iter().map(Into::into).collect();
        let program = Program { words, environment: Vec::new(), output: None };
        Capture::of(Subject::Program(program))
    }

    fn of(subject: Subject) -> Capture {
        Capture { subject, watches: Vec::new(), with_stacks: false, marked: Marked::default() }
    }

    /// A capture of a process that runs already, all of its threads, and what it starts from now
    /// on. Linux 5.3 or later is needed.
    ///
    /// The trace ends when the process does, when the sink wants no more, or when this process is
    /// asked to end by a signal (SIGINT, SIGTERM and the like). Then the process is let go as it
    /// was found. SIGKILL to this process leaves it with inaccessible windows instead.
    #[must_use]
    pub fn attach(process: i32) -> Capture {
        Capture::of(Subject::Process(process))
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

    /// Puts a mark into the trace whenever a thread arrives at a function, just before its first
    /// instruction. The program need not know: a breakpoint is put there in each process that has
    /// the function, when its module is mapped. A function that the module chooses among several
    /// when it is loaded (an IFUNC, as libc's `memcpy`) is marked where the process got it.
    #[must_use]
    pub fn mark_on(mut self, function: MarkOn) -> Capture {
        self.marked.wanted.push(Wanted { mark: function, is_found: false, is_said: false });
        self
    }

    /// Hears of the functions of [`Capture::mark_on`] that are in no module: at the program's end,
    /// and of a process that was attached to as soon as that is done.
    #[must_use]
    pub fn when_not_found(mut self, listener: impl FnMut(&NotFound) + 'static) -> Capture {
        self.marked.listener = Some(Box::new(listener));
        self
    }

    /// Changes an environment variable for the program, if it is still to be started.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Capture {
        if let Subject::Program(program) = &mut self.subject {
            program.environment.push((name.into(), value.into()));
        }
        self
    }

    /// Sends the program's standard output elsewhere, if it is still to be started.
    #[must_use]
    pub fn stdout(mut self, output: impl Into<OwnedFd>) -> Capture {
        if let Subject::Program(program) = &mut self.subject {
            program.output = Some(output.into());
        }
        self
    }

    /// The header of a native trace on this machine, without a command.
    #[must_use]
    pub fn header() -> Header {
        Header::new(Level::Instruction, busprobe_trace::Capture::Native, std::env::consts::ARCH)
    }

    /// Runs the program to its end and puts the trace into `sink` as it happens.
    ///
    /// A sink that wants no more before the program has ended gets none: the program runs on to
    /// its end with its windows open. Meanwhile Ctrl-C goes to the program. When it comes twice
    /// within two seconds, and on SIGTERM, the program is killed and the trace is whole.
    ///
    /// The calling thread traces; children that it started itself, other than through this, would
    /// be waited for and forgotten.
    ///
    /// # Errors
    /// When the program or a watch cannot be started, see [`Error`]. A sink that fails is no error
    /// here but in the [`Outcome`].
    pub fn run(self, sink: &mut dyn Sink) -> Result<Outcome, Error> {
        let Capture { subject, watches, with_stacks, marked } = self;
        let list = WatchList::resolve(&watches)
            .map_err(|(path, source)| Error::NotWatchable { path, source })?;
        let mut header = Capture::header();
        let origin = match subject {
            Subject::Program(program) => {
                let words = program.words.iter().map(|word| word.to_string_lossy().into_owned());
                header.command = words.collect();
                Origin::Launched(launch::start(&program, !marked.wanted.is_empty())?)
            }
            Subject::Process(process) => {
                let attached = attach::attach(process)?;
                header.command.clone_from(&attached.command);
                Origin::Attached(attached)
            }
        };
        let _heeded = Requests::heed();
        let mut recorder = Recorder::new(sink);
        recorder.put(&Record::Trace(header));
        for (id, watch) in (0..).zip(&watches) {
            recorder.put(&Record::Window(watch.window(id)));
        }
        let mut tracer = Tracer::new(recorder, list, origin);
        tracer.marked = marked;
        if with_stacks {
            tracer.sites.record_stacks();
        }
        tracer.run()
    }
}
