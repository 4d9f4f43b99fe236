//! The thread that looks at instructions: what handlers cannot do, they ask it to.
//!
//! It uses what native capture uses for a stopped thread, which is what a thread is that waits in
//! its handler.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use busprobe_trace::{Data, Direction, LossKind, Repeat};

use super::guard::{self, Pages};
use super::known::{self, Known};
use super::log;
use super::python::{Finder, LineNumber};
use super::signals::Waiting;
use super::step::{self, Question, Slot, Step};
use super::string::Run;
use super::stub::Stub;
use super::{futex, plan};
use crate::native::access::touch::{Move, Touch};
use crate::native::arch::{Evidence, Redirect, Shift, Vectors};
use crate::native::ptrace;

/// What became of a step that the planner saw to.
pub(super) enum Planned {
    /// It ran, and did this.
    Ran { instruction: u32, touches: Vec<(Touch, Option<Data>)> },
    /// It ran as a whole, and did this from there on; of the repeat's accesses, the offsets say
    /// nothing.
    Repeated { instruction: u32, first: Touch, repeat: Repeat },
    /// Something is not known of accesses to these addresses.
    Loss { kind: LossKind, detail: String, within: Range<u64> },
    /// The program itself named the place.
    Mark(String),
}

static PLANNED: Mutex<Vec<Planned>> = Mutex::new(Vec::new());

/// What the planner has noted; [`log::What::Planned`] counts in it.
pub(super) fn planned() -> MutexGuard<'static, Vec<Planned>> {
    PLANNED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Held while the planner sees to a question, and by a thread that forks: the child would find
/// half set up for ever what a library sets up at its first use.
pub(super) fn at_work() -> MutexGuard<'static, ()> {
    static AT_WORK: Mutex<()> = Mutex::new(());
    AT_WORK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread, until it is stopped.
pub(super) struct Planner(JoinHandle<()>);

static IS_TO_STOP: AtomicBool = AtomicBool::new(false);

impl Planner {
    pub(super) fn start() -> io::Result<Planner> {
        IS_TO_STOP.store(false, Ordering::Release);
        // A thread begins with the mask of the one that starts it: this one takes no signals.
        let _signals = Waiting::begin();
        let thread = thread::Builder::new().name("busprobe".to_owned()).spawn(|| serve());
        Ok(Planner(thread?))
    }

    pub(super) fn stop(self) {
        IS_TO_STOP.store(true, Ordering::Release);
        step::BELL.fetch_add(1, Ordering::AcqRel);
        futex::wake(&step::BELL);
        // It does not panic: see `serve`.
        let _ = self.0.join();
    }
}

/// A step from its start to its end.
struct Job {
    instruction: Option<(u32, Arc<Known>)>,
    touches: Vec<Touch>,
    way: Way,
}

enum Way {
    /// On the aliases.
    Moved(Redirect),
    /// On the aliases, many times.
    Repeated(Run),
    /// On the window itself.
    Opened(Vec<Pages>),
}

/// As a function of C it cannot unwind: a panic ends the process, in which threads would wait for
/// their answers for ever.
extern "C" fn serve() {
    let mut finder = Finder::default();
    let mut jobs: Vec<Option<Job>> = step::slots().iter().map(|_| None).collect();
    while !IS_TO_STOP.load(Ordering::Acquire) {
        let bell = step::BELL.load(Ordering::Acquire);
        for (slot, job) in step::slots().iter().zip(&mut jobs) {
            let question = slot.question();
            if question == Question::None {
                continue;
            }
            let _no_fork_meanwhile = at_work();
            // SAFETY: its thread asks, so it is the planner's to use until it is answered.
            let step = unsafe { slot.step() };
            if let (Question::Locate, Some(place)) = (question, &step.place) {
                step.line = finder.number(place);
                slot.answer();
                continue;
            }
            match (question, job.take()) {
                (Question::Start, _) => *job = Some(start(slot, step)),
                (Question::Settle, Some(job)) => settle(&job, step),
                (Question::Abandon, Some(job)) => abandon(&job, step),
                _ => {}
            }
            slot.answer();
        }
        futex::wait(&step::BELL, bell);
    }
}

/// Notes it for that thread, in the log's order. Not for handlers.
pub(super) fn note(thread: u32, line: LineNumber, what: Planned) {
    let mut planned = planned();
    planned.push(what);
    log::put(thread, line, log::What::Planned(planned.len() - 1));
}

fn lose(step: &Step, kind: LossKind, detail: String, within: Range<u64>) {
    note(step.thread, step.line, Planned::Loss { kind, detail, within });
}

fn start(slot: &Slot, step: &mut Step) -> Job {
    let before = step.before;
    let Some((number, known)) = known::at(before.pc()) else {
        let detail = format!("an unknown instruction at {:#x} used a window", before.pc());
        lose(step, LossKind::Missed, detail, step.address..step.address + 1);
        return open(step, None, Vec::new());
    };
    let instruction = &known.instruction;
    let vectors = instruction.needs_vectors().then(|| vectors(step));
    let touches = instruction.touches(&before, vectors.as_ref());
    if let Some(caution) = instruction.caution() {
        for touch in &touches {
            lose(step, LossKind::Approximate, caution.to_owned(), touch.range());
        }
    }
    if let Some(shift) = Shift::of(instruction) {
        plan::add(number, &known, shift);
    }
    let own_stub = Stub::of_step(slot.number());
    let moves = moves(&touches).unwrap_or_default();
    if moves.is_empty() {
        return open(step, Some((number, known)), touches);
    }
    if let Some(run) = Run::start(&known, &touches, moves.clone(), own_stub, step) {
        return Job { instruction: Some((number, known)), touches, way: Way::Repeated(run) };
    }
    let Some(redirect) = instruction.redirect(&before, &moves, own_stub.address()) else {
        return open(step, Some((number, known)), touches);
    };
    if let Some(code) = &redirect.code {
        own_stub.write(code);
    }
    step.registers = redirect.start;
    step.registers.set_trap();
    Job { instruction: Some((number, known)), touches, way: Way::Moved(redirect) }
}

/// Makes the windows accessible for the moment of the step.
fn open(step: &mut Step, instruction: Option<(u32, Arc<Known>)>, touches: Vec<Touch>) -> Job {
    let faulted = step.address..step.address + 1;
    let ranges = touches.iter().map(Touch::range).chain([faulted]);
    let mut opened: Vec<Pages> = Vec::new();
    for pages in ranges.flat_map(guard::all_overlapping) {
        if !opened.contains(&pages) && pages.open().is_ok() {
            opened.push(pages);
        }
    }
    let others = has_other_threads();
    for pages in opened.iter().filter(|_| others) {
        let detail = "an instruction could not be run on an alias: while it ran, the window was \
                      open, and what other threads did there then is not in the trace";
        lose(step, LossKind::Missed, detail.to_owned(), pages.range.clone());
    }
    step.registers = step.before;
    step.registers.set_trap();
    Job { instruction, touches, way: Way::Opened(opened) }
}

/// Whether there are threads besides the one that waits and this one.
fn has_other_threads() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 2)
}

fn vectors(step: &Step) -> Vectors {
    // SAFETY: they lie in the signal frame of the thread, which waits for the answer.
    Vectors::Saved(unsafe { &*step.vectors }.to_vec())
}

/// The operands to move, and how far; `None` when one of them cannot be moved as a whole.
fn moves(touches: &[Touch]) -> Option<Vec<Move>> {
    let mut moves: Vec<Move> = Vec::new();
    for touch in touches {
        let Some(pages) = guard::overlapping(&touch.range()) else { continue };
        let is_whole = touches.iter().filter(|other| other.operand == touch.operand).all(|other| {
            let range = other.range();
            pages.range.start <= range.start && range.end <= pages.range.end
        });
        if !is_whole {
            return None;
        }
        let wanted = Move { operand: touch.operand, distance: pages.distance };
        if !moves.contains(&wanted) {
            moves.push(wanted);
        }
    }
    Some(moves)
}

impl Job {
    fn close(&self) {
        if let Way::Opened(opened) = &self.way {
            for pages in opened {
                // There is nobody to tell, and the pages can be used.
                let _ = guard::close_again(pages);
            }
        }
    }
}

fn settle(job: &Job, step: &mut Step) {
    job.close();
    if let Way::Moved(redirect) = &job.way {
        redirect.settle(&step.before, &mut step.registers);
    }
    let Some((number, known)) = &job.instruction else { return };
    if let Way::Repeated(run) = &job.way {
        run.settle(*number, known, &job.touches, step);
        return;
    }
    let instruction = &known.instruction;
    let vectors = instruction.shows_in_vectors().then(|| vectors(step));
    let memory = |address, size| ordinary_memory(step, address, size);
    let evidence = Evidence {
        before: &step.before,
        after: &step.registers,
        vectors: vectors.as_ref(),
        memory: &memory,
    };
    let data = |touch| instruction.data_of_one_run(touch, &evidence);
    let touches: Vec<_> = job.touches.iter().map(|touch| (*touch, data(touch))).collect();
    note(step.thread, step.line, Planned::Ran { instruction: *number, touches });
}

/// Reads memory of the thread's that is not watched; `None` when not all of it is such.
pub(super) fn ordinary_memory(step: &Step, address: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; size];
    let is_device = guard::is_device(&(address..address.saturating_add(size as u64)));
    let mut read = || ptrace::read_memory(step.thread as i32, address, &mut bytes);
    (!is_device && read() == Ok(size)).then_some(bytes)
}

/// The registers are those at the fault, and then as if the instruction had come so far by itself.
fn abandon(job: &Job, step: &mut Step) {
    job.close();
    let mut touches = job.touches.clone();
    match (&job.way, &job.instruction) {
        (Way::Repeated(run), Some((number, known))) => {
            let done = run.settle(*number, known, &job.touches, step);
            touches = touches.iter().map(|touch| run.element(touch, done)).collect();
        }
        _ => step.registers = step.before,
    }
    for touch in &touches {
        if let (Some(_), Some(detail)) =
            (guard::overlapping(&touch.range()), failure(touch, step.signal, step.address))
        {
            lose(step, LossKind::Missed, detail, touch.range());
        }
    }
}

/// What a trace says of an access that an instruction may have made before it ended in a signal,
/// or, where that is 0, before it was begun again because of a window at `address`.
pub(super) fn failure(touch: &Touch, signal: i32, address: u64) -> Option<String> {
    let access = if touch.direction == Direction::Read { "load" } else { "store" };
    let size = touch.size;
    let signal = match signal {
        0 if touch.direction == Direction::Read && !touch.range().contains(&address) => {
            return Some(format!(
                "a load of {size} bytes was begun again, since the other operand's window was \
                 watched just then: the device may have seen it twice"
            ));
        }
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        _ => return None,
    };
    Some(format!(
        "a {access} of {size} bytes ended in a signal ({signal}) and is not in the trace: the \
         device may have seen it"
    ))
}
