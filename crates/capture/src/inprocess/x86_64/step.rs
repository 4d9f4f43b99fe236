//! The steps under way: a thread has one from the fault to the trap.

use std::cell::UnsafeCell;
use std::mem;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::futex;
use super::plan::Plan;
use super::python::LineNumber;
use busprobe_python_frames::Place;

use crate::native::arch::{Distances, Registers};

/// How many threads can be in the middle of a step; more wait for their turn.
pub(super) const MOST: usize = 64;

/// What a thread wants of the planner. Otherwise its step is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Question {
    /// None: the step is its thread's.
    None = 0,
    /// Which line of Python is at that place?
    Locate,
    /// With which registers is the instruction to run?
    Start,
    /// It ran: what would the registers be without the move?
    Settle,
    /// It ended in a signal: nothing of it is to be left.
    Abandon,
}

/// A step, written by its thread, and by the planner while that has a question.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// As gettid(2) has it.
    pub(super) thread: u32,
    /// The address that faulted.
    pub(super) address: u64,
    /// Where its thread is in a Python program.
    pub(super) place: Option<Place>,
    /// The line of that; the answer to [`Question::Locate`].
    pub(super) line: LineNumber,
    /// The registers as the instruction finds them.
    pub(super) before: Registers,
    /// The answer to [`Question::Start`]; with [`Question::Settle`] the registers as they are, and
    /// then as they are to be.
    pub(super) registers: Registers,
    /// The vector registers at the time of the question.
    pub(super) vectors: *const [u8],
    /// The signal that ended it.
    pub(super) signal: i32,
    /// The signals that the thread itself blocks.
    pub(super) mask: u64,
    /// How it is run.
    pub(super) how: How,
}

#[derive(Clone, Copy)]
pub(super) enum How {
    /// By a plan, with its operands moved so far.
    Planned(&'static Plan, Distances),
    /// As the planner has it.
    Asked,
}

/// A place for a step.
pub(super) struct Slot {
    /// How often it was used.
    ended: AtomicU32,
    question: AtomicU32,
    step: UnsafeCell<mem::MaybeUninit<Step>>,
}

// SAFETY: a step belongs to the thread that has claimed the slot; the planner uses it between the
// question and the answer, while the thread waits.
unsafe impl Sync for Slot {}

static SLOTS: [Slot; MOST] = [const {
    Slot {
        ended: AtomicU32::new(0),
        question: AtomicU32::new(Question::None as u32),
        step: UnsafeCell::new(mem::MaybeUninit::uninit()),
    }
}; MOST];

/// Whose the slots are, by the thread's pointer; 0 for nobody's.
static OWNERS: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];
/// How many are somebody's.
static CLAIMED: AtomicUsize = AtomicUsize::new(0);

/// What tells this thread from others, for as long as it lives.
pub(super) fn this_thread() -> u64 {
    // SAFETY: it has no preconditions.
    unsafe { libc::pthread_self() as u64 }
}

impl Slot {
    /// The slot of the step that this thread is in.
    pub(super) fn of_this_thread() -> Option<&'static Slot> {
        if CLAIMED.load(Ordering::Acquire) == 0 {
            return None;
        }
        let this = this_thread();
        let number = OWNERS.iter().position(|owner| owner.load(Ordering::Relaxed) == this)?;
        Some(&SLOTS[number])
    }

    /// A slot for a step of this thread.
    pub(super) fn claim() -> &'static Slot {
        let this = this_thread();
        CLAIMED.fetch_add(1, Ordering::AcqRel);
        let first = (this.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize;
        loop {
            for number in (first..first + MOST).map(|number| number % MOST) {
                let claimed =
                    OWNERS[number].compare_exchange(0, this, Ordering::AcqRel, Ordering::Relaxed);
                if claimed.is_ok() {
                    return &SLOTS[number];
                }
            }
            // SAFETY: it has no preconditions.
            unsafe { libc::sched_yield() };
        }
    }

    /// Ends the step.
    pub(super) fn release(&self) {
        self.ended.fetch_add(1, Ordering::Release);
        OWNERS[self.number()].store(0, Ordering::Release);
        CLAIMED.fetch_sub(1, Ordering::AcqRel);
    }

    /// Which of the slots it is.
    pub(super) fn number(&self) -> usize {
        let bytes = std::ptr::from_ref(self).addr() - SLOTS.as_ptr().addr();
        bytes / size_of::<Slot>()
    }

    /// Begins the step.
    ///
    /// # Safety
    /// The caller is the thread that has claimed the slot.
    pub(super) unsafe fn begin(&self, step: &Step) {
        // SAFETY: the caller sees to that.
        unsafe { (*self.step.get()).write(*step) };
    }

    /// The step.
    ///
    /// # Safety
    /// It has begun, and the caller is its thread, or the planner while it is being asked.
    #[expect(clippy::mut_from_ref, reason = "who may use it is passed on with the question")]
    pub(super) unsafe fn step(&self) -> &mut Step {
        // SAFETY: the caller sees to that.
        unsafe { (*self.step.get()).assume_init_mut() }
    }

    /// Asks the planner, and waits until it has put the answer into the step.
    pub(super) fn ask(&self, question: Question) {
        self.question.store(question as u32, Ordering::Release);
        BELL.fetch_add(1, Ordering::AcqRel);
        futex::wake(&BELL);
        while self.question.load(Ordering::Acquire) == question as u32 {
            futex::wait(&self.question, question as u32);
        }
    }

    /// What its thread wants to know.
    pub(super) fn question(&self) -> Question {
        let question = self.question.load(Ordering::Acquire);
        [Question::Locate, Question::Start, Question::Settle, Question::Abandon]
            .into_iter()
            .find(|one| *one as u32 == question)
            .unwrap_or(Question::None)
    }

    /// The answer is in the step.
    pub(super) fn answer(&self) {
        self.question.store(Question::None as u32, Ordering::Release);
        futex::wake(&self.question);
    }
}

/// Counts the questions, and whatever else the planner is to look up for.
pub(super) static BELL: AtomicU32 = AtomicU32::new(0);

/// All places for steps.
pub(super) fn slots() -> &'static [Slot] {
    &SLOTS
}

/// Waits until every step that is under way now has ended.
pub(super) fn wait_for_all() {
    for (slot, owner) in SLOTS.iter().zip(&OWNERS) {
        let ended = slot.ended.load(Ordering::Acquire);
        while owner.load(Ordering::Acquire) != 0 && slot.ended.load(Ordering::Acquire) == ended {
            thread::yield_now();
        }
    }
}

/// Forgets all steps: in a forked child, which has none of their threads.
pub(super) fn abandon() {
    for (slot, owner) in SLOTS.iter().zip(&OWNERS) {
        owner.store(0, Ordering::Relaxed);
        slot.question.store(Question::None as u32, Ordering::Relaxed);
    }
    CLAIMED.store(0, Ordering::Release);
}
