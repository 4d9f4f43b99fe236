//! Which line of Python makes an access.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use busprobe_python_frames::{Interpreter, Line, Thread};
use busprobe_qemu_stream::{LONGEST_TEXT, Python, Record};

use crate::guest::GuestMemory;
use crate::maps;
use crate::plugin::Plugin;

/// What a thread has learned. Each learns for itself: no lock is held when the program forks.
#[derive(Default)]
struct Frames {
    /// What was mapped when Python was looked for.
    code: u64,
    interpreter: Option<Interpreter>,
    /// The lines that this process has told, by their numbers.
    told: HashMap<Rc<Line>, u32>,
    process: u32,
    /// The block of code that was running last, and the line then.
    last: Option<(u64, Option<u32>)>,
}

thread_local! {
    static FRAMES: RefCell<Frames> = RefCell::default();
}

/// Counts the times that code was mapped; 0 is not used.
static CODE: AtomicU64 = AtomicU64::new(1);
/// The next line's number.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Takes note that code has been mapped, which may be Python's.
pub(crate) fn code_mapped() {
    CODE.fetch_add(1, Ordering::Relaxed);
}

/// The number of the line of Python that this thread runs, in the block of that number; a new line
/// is told first.
pub(crate) fn line(plugin: &Plugin, process: u32, thread: u32, block: u64) -> Option<u32> {
    // A thread that ends has none any more.
    FRAMES
        .try_with(|frames| frames.borrow_mut().line(plugin, process, thread, block))
        .ok()
        .flatten()
}

impl Frames {
    fn line(&mut self, plugin: &Plugin, process: u32, thread: u32, block: u64) -> Option<u32> {
        if self.process != process {
            // A forked process tells all it needs itself.
            *self = Frames { process, ..Frames::default() };
        }
        // From one bytecode instruction to the next the interpreter jumps: another block begins.
        if let Some((last, line)) = self.last
            && last == block
        {
            return line;
        }
        let memory = GuestMemory(plugin);
        let code = CODE.load(Ordering::Relaxed);
        if self.code != code {
            self.code = code;
            self.interpreter = Interpreter::find(&memory, images(plugin));
        }
        let running = self
            .interpreter
            .as_mut()
            .and_then(|found| found.running(&memory, &Thread { id: thread, pthread: None }));
        let line = running.and_then(|line| self.number(plugin, line));
        self.last = Some((block, line));
        line
    }

    /// The number of a line, which is told if it has not been; `None` when it is too long to be.
    fn number(&mut self, plugin: &Plugin, line: Rc<Line>) -> Option<u32> {
        if let Some(number) = self.told.get(&line) {
            return Some(*number);
        }
        if line.file.len() + line.function.len() > LONGEST_TEXT {
            return None;
        }
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        plugin.output.put(&Record::Python(Python {
            process: self.process,
            id,
            file: line.file.clone(),
            line: line.line,
            function: line.function.clone(),
            offset: line.offset,
            instruction: line.instruction.map(str::to_owned),
        }));
        self.told.insert(line, id);
        Some(id)
    }
}

/// Where the emulated program's images may begin: QEMU maps them as it maps other files, and a
/// window is a shared mapping.
fn images(plugin: &Plugin) -> impl Iterator<Item = u64> {
    let base = plugin.guest_base();
    maps::read()
        .unwrap_or_default()
        .into_iter()
        .filter(|mapping| mapping.offset == 0 && !mapping.shared && mapping.path.starts_with('/'))
        .map(move |mapping| mapping.range.start.wrapping_sub(base))
}
