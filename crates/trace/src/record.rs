//! The records a trace is made of, and where they go.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{Access, Header, Repeat, Site, Window};

/// One record; in JSON Lines one line, told apart by `"t"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "lowercase")]
pub enum Record {
    /// What the trace is; always the first.
    Trace(Header),
    /// A window, before the first access to it.
    Window(Window),
    /// A site, before the first access from it.
    Site(Site),
    /// One load or store.
    Access(Access),
    /// Many loads or stores by one instruction.
    Repeat(Repeat),
    /// A system call that was given a pointer into a window.
    Syscall(Syscall),
    /// A place that the program marked.
    Mark(Mark),
    /// Something that was not seen, or not seen in full.
    Loss(Loss),
}

/// A system call whose buffer lay in a window. How the kernel cut its copy into accesses is not
/// known, so it is recorded as itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Syscall {
    /// Place among all events of the trace, from 0.
    pub seq: u64,
    /// As the manual pages name it: `preadv`.
    pub name: String,
    /// Which window, by its id.
    pub window: u32,
    /// First byte of the buffer, counted from the window's start.
    pub offset: u64,
    /// Bytes of the buffer as the call was given them; the kernel may have used fewer.
    pub length: u64,
    /// The thread's id.
    #[serde(default)]
    pub thread: u32,
    /// Nanoseconds since the capture began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ns: Option<u64>,
}

/// A place in the trace that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Place among all events of the trace, from 0.
    pub seq: u64,
    /// The name.
    pub text: String,
    /// The thread's id.
    #[serde(default)]
    pub thread: u32,
    /// Nanoseconds since the capture began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ns: Option<u64>,
}

/// Something that the trace does not show, or shows only in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Place among all events of the trace, from 0.
    pub seq: u64,
    /// What kind of thing.
    pub kind: LossKind,
    /// One sentence for the person who reads the verdict.
    pub detail: String,
    /// How many, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// The kinds of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// The trace ends in the middle: the file was cut off.
    CutOff,
    /// Accesses happened that are not in the trace.
    Missed,
    /// A mapping of the window, or a process, was not watched at all.
    NotWatched,
    /// Records are there, but something in them is approximate.
    Approximate,
}

/// Takes records in order.
pub trait Sink {
    /// Takes one record.
    ///
    /// # Errors
    /// What the place that the records go to says: a full disk, a closed pipe.
    fn put(&mut self, record: &Record) -> io::Result<()>;

    /// Makes all records so far readable by others.
    ///
    /// # Errors
    /// As [`Sink::put`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether more accesses are of use: a trace can be complete before the program has ended.
    fn wants_more(&self) -> bool {
        true
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        (**self).put(record)
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }

    fn wants_more(&self) -> bool {
        (**self).wants_more()
    }
}

/// Several sinks that each take every record.
impl Sink for Vec<Box<dyn Sink>> {
    fn put(&mut self, record: &Record) -> io::Result<()> {
        self.iter_mut().try_for_each(|sink| sink.put(record))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.iter_mut().try_for_each(|sink| sink.flush())
    }

    fn wants_more(&self) -> bool {
        self.iter().any(|sink| sink.wants_more())
    }
}
