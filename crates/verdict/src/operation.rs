//! What of a trace belongs together.

mod cutter;
mod routine;
mod sites;
mod sweep;

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use busprobe_trace::{Event, PythonLine, Trace};
use thiserror::Error;

pub use cutter::Cutter;

use crate::{Bus, Intent, Judge, Verdict};

/// What sets one operation apart from the next.
///
/// Where nothing is asked for, marks go first: what follows one, up to the next, is an operation.
/// Accesses before the first mark, and all of a trace without marks, are cut by Python line, and
/// those that have none by call. An operation is always of one thread and one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum By {
    /// What lies between two marks.
    Mark,
    /// Accesses in a row from one bytecode instruction of one line; within them, each call of a
    /// copy routine.
    Line,
    /// Accesses in a row from one function; each call of a copy routine.
    Call,
    /// All that was done to a window.
    Window,
}

impl By {
    /// All of them, as they are preferred.
    pub const ALL: [By; 4] = [By::Mark, By::Line, By::Call, By::Window];

    /// As `--by` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            By::Mark => "mark",
            By::Line => "line",
            By::Call => "call",
            By::Window => "window",
        }
    }
}

/// A text names no way to cut.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("known are mark, line, call and window")]
pub struct ByError;

impl FromStr for By {
    type Err = ByError;

    fn from_str(text: &str) -> Result<Self, ByError> {
        By::ALL.into_iter().find(|by| by.name() == text).ok_or(ByError)
    }
}

/// What an operation is known by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It follows this mark.
    Mark(Arc<str>),
    /// A line of Python, by this function when its name is known.
    Line(Arc<PythonLine>, Option<Arc<str>>),
    /// This function, or this module when no function is known.
    Call(Arc<str>),
    /// This system call, whose own accesses are not seen.
    Syscall(Arc<str>),
    /// Nothing: it is all that was done to the window, or nothing is known of it.
    Window,
}

/// What is known of an operation before one looks at its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place among the operations of the trace, from 1, by where they begin.
    pub index: u64,
    /// What it is known by.
    pub what: What,
    /// The window's id.
    pub window: u32,
    /// The thread's id; 0 at the level of the bus, which knows none.
    pub thread: u32,
    /// The site of its first access, when that is known.
    pub site: Option<u32>,
    /// Its first and its last event's place in the trace; others may lie between them.
    pub seq: RangeInclusive<u64>,
}

impl Head {
    /// The mark's text, the Python line as `seed.py:12`, the function or the system call; `None`
    /// when nothing is known.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        match &self.what {
            What::Mark(name) | What::Call(name) | What::Syscall(name) => Some(name.to_string()),
            What::Line(line, _) => Some(line.to_string()),
            What::Window => None,
        }
    }

    /// The mark that it follows.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        match &self.what {
            What::Mark(text) => Some(text),
            _ => None,
        }
    }

    /// The line of Python that did it, when it is known by one.
    #[must_use]
    pub fn python(&self) -> Option<&PythonLine> {
        match &self.what {
            What::Line(line, _) => Some(line),
            _ => None,
        }
    }

    /// The function that made its first access, when it is known by a line or a call.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        match &self.what {
            What::Line(_, function) => function.as_deref(),
            What::Call(function) => Some(function),
            _ => None,
        }
    }
}

/// One thing that the program did, with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// What is known of it as a whole.
    pub head: Head,
    /// What happened, in order, and then what was not seen of the whole trace.
    pub events: Vec<&'a Event>,
}

/// The operations of a trace, by where they begin.
///
/// Losses say something of every operation, so each has all of them.
#[must_use]
pub fn operations(trace: &Trace, by: Option<By>) -> Vec<Operation<'_>> {
    let mut cutter: Cutter<Vec<&Event>> = Cutter::new(by, trace.header.level);
    trace.sites.iter().for_each(|site| cutter.site(site));
    for event in &trace.events {
        match event {
            Event::Access(access) => cutter.access(access, |_| Vec::new()).push(event),
            Event::Syscall(call) => cutter.syscall(call, |_| Vec::new()).push(event),
            Event::Mark(mark) => cutter.mark(mark),
            Event::Loss(_) => {}
        }
    }
    cutter.finish_all();
    let mut operations: Vec<Operation> =
        cutter.finished().map(|(head, events)| Operation { head, events }).collect();
    operations.sort_by_key(|operation| operation.head.index);
    let losses = trace.events.iter().filter(|event| matches!(event, Event::Loss(_)));
    for operation in &mut operations {
        operation.events.extend(losses.clone());
    }
    operations
}

impl Operation<'_> {
    /// [`Head::name`].
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.head.name()
    }

    /// Judges the operation against `intent`; without one against what it was most likely meant
    /// to do, its writes as one intent and its reads as another: see [`Judge::inferring`].
    #[must_use]
    pub fn judge(&self, bus: &dyn Bus, intent: Option<&Intent>) -> Vec<Verdict> {
        let judge = match intent {
            Some(intent) => Judge::against(bus, vec![intent.clone()]),
            None => Judge::inferring(bus, self.head.python()),
        };
        let mut judge = judge.keeping_beats(usize::MAX);
        for event in &self.events {
            judge.event(event);
        }
        judge.finish()
    }
}
