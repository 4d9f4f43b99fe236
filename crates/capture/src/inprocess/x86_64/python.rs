//! The lines of Python that have used a window, by number.
//!
//! A handler finds where its thread is in a Python program by a few reads, and the line's number
//! by that place; a place that it does not know is a question to the planner.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use busprobe_python_frames::{Interpreter, Memory, Own, Place};
use busprobe_trace::PythonLine;

use super::guard;
use crate::native::ptrace;
use crate::native::sites::{images_of, python_line};

/// The number of a line; [`NONE`] where there is none, or none is known.
pub(super) type LineNumber = u32;

pub(super) const NONE: LineNumber = 0;

/// The interpreter of this process, once there was one.
static OWN: OnceLock<Own> = OnceLock::new();

/// The numbers by place, as far as there is room.
static NUMBERS: [Entry; ENTRIES] =
    [const { Entry { key: AtomicU64::new(0), number: AtomicU32::new(NONE) } }; ENTRIES];

const ENTRIES: usize = 4096;

/// More than this, and a search takes longer than it saves.
const LONGEST_SEARCH: usize = 16;

/// Written by the planner alone, the number before the key, and never changed.
struct Entry {
    /// [`Place::key`]; 0 for none.
    key: AtomicU64,
    number: AtomicU32,
}

/// Looks for Python in this process.
pub(super) fn prepare() {
    if OWN.get().is_some() {
        return;
    }
    // SAFETY: what images are mapped now stay so; an interpreter is not unloaded.
    let own = find_interpreter().and_then(|found| unsafe { found.own() });
    if let Some(own) = own {
        let _ = OWN.set(own);
    }
}

fn find_interpreter() -> Option<Interpreter> {
    Interpreter::find(&OwnMemory, images_of(std::process::id().cast_signed()))
}

/// Where the thread is in a Python program, if it is in one.
pub(super) fn place() -> Option<Place> {
    OWN.get()?.place()
}

fn entries(key: u64) -> impl Iterator<Item = &'static Entry> {
    (0..LONGEST_SEARCH).map(move |number| &NUMBERS[(key as usize).wrapping_add(number) % ENTRIES])
}

/// The number of the line of that place, if it has been asked for before.
pub(super) fn find(place: &Place) -> Option<LineNumber> {
    let key = place.key();
    let found = entries(key).find(|entry| entry.key.load(Ordering::Acquire) == key)?;
    Some(found.number.load(Ordering::Relaxed))
}

/// All lines that have a number.
#[derive(Default)]
pub(super) struct Lines {
    /// The first has the number after [`NONE`].
    list: Vec<PythonLine>,
    numbers: HashMap<PythonLine, LineNumber>,
}

static LINES: LazyLock<Mutex<Lines>> = LazyLock::new(Mutex::default);

/// All of them.
pub(super) fn lines() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lines {
    fn number(&mut self, line: PythonLine) -> LineNumber {
        *self.numbers.entry(line).or_insert_with_key(|line| {
            self.list.push(line.clone());
            self.list.len() as LineNumber
        })
    }
}

/// The line of that number.
pub(super) fn line(number: LineNumber) -> Option<PythonLine> {
    let index = (number as usize).checked_sub(1)?;
    lines().list.get(index).cloned()
}

/// Finds lines, for the planner.
#[derive(Default)]
pub(super) struct Finder {
    interpreter: Option<Interpreter>,
}

impl Finder {
    /// The number of the line of a place that a thread is at, which waits there.
    pub(super) fn number(&mut self, place: &Place) -> LineNumber {
        if self.interpreter.is_none() {
            self.interpreter = find_interpreter();
        }
        let line = self.interpreter.as_mut().and_then(|found| found.line_at(&OwnMemory, place));
        let number = line.map_or(NONE, |line| lines().number(python_line(&line)));
        let key = place.key();
        if let Some(free) = entries(key).find(|entry| entry.key.load(Ordering::Relaxed) == 0) {
            free.number.store(number, Ordering::Relaxed);
            free.key.store(key, Ordering::Release);
        }
        number
    }
}

/// This process's memory, without what is watched.
struct OwnMemory;

impl Memory for OwnMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        let range: Range<u64> = address..address.saturating_add(bytes.len() as u64);
        let process = std::process::id().cast_signed();
        !guard::is_device(&range) && ptrace::read_memory(process, address, bytes) == Ok(bytes.len())
    }
}
