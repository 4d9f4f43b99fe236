//! What the signal handlers do. They allocate nothing, take no lock, and decode nothing.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use busprobe_faults::{Fault, Turn};
use libc::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, c_int, ucontext_t};

use super::error::Error;
use super::step::{How, Question, Slot, Step};
use super::{guard, log, plan};
use crate::native::arch::{Registers, saved, saved_vectors};
use crate::native::ptrace;

/// The page is there but does not allow the access: asm-generic/siginfo.h.
const SEGV_ACCERR: c_int = 2;
/// One instruction has run.
const TRAP_TRACE: c_int = 2;

/// How often a repeated instruction runs before signals that wait get their turn.
const MOST_ROUNDS: u32 = 256;

/// What an instruction itself can cause cannot be put off until after its step.
const CAUSED_BY_STEPS: [c_int; 5] = [SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP];

/// The signals whose handler has to be in front.
const OURS: [c_int; 4] = [SIGSEGV, SIGBUS, SIGFPE, SIGTRAP];

/// Has faults of watched windows come here first.
pub(super) fn install() -> Result<(), Error> {
    busprobe_faults::answer(&OURS, Turn::First, answer).map_err(Error::refused("sigaction"))
}

/// Whether they still do.
pub(super) fn is_in_front() -> bool {
    OURS.into_iter().all(busprobe_faults::is_in_front)
}

fn answer(fault: &mut Fault<'_>) -> bool {
    let (signal, code) = (fault.signal(), fault.code());
    match Slot::of_this_thread() {
        Some(slot) if signal == SIGTRAP => {
            let is_step = code == TRAP_TRACE;
            if is_step {
                finish(slot, fault.context());
            }
            is_step
        }
        Some(slot) if code > 0 => {
            let address = fault.address() as u64;
            let is_of_window = signal == SIGSEGV && guard::at(address).is_some();
            fail(slot, fault, is_of_window);
            is_of_window
        }
        None if signal == SIGSEGV && code == SEGV_ACCERR => {
            let address = fault.address() as u64;
            begin(address, fault.context()) || is_late(address, fault.context())
        }
        _ => false,
    }
}

/// The thread has touched `address`: lets it run the instruction on the alias, if that is watched.
fn begin(address: u64, context: &mut ucontext_t) -> bool {
    if guard::at(address).is_none() {
        return false;
    }
    // From here on the pages stay as they are: whoever gives them back waits for this step.
    let slot = Slot::claim();
    if guard::at(address).is_none() {
        slot.release();
        return false;
    }
    let before = Registers::of_interrupted(context);
    let step = Step {
        // SAFETY: gettid(2) has no preconditions.
        thread: unsafe { libc::gettid() } as u32,
        address,
        before,
        registers: before,
        vectors: ptr::from_ref(saved_vectors(context)),
        signal: 0,
        mask: mask(context),
        how: How::Asked,
        rounds: 0,
    };
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe {
        slot.begin(&step);
        slot.step()
    };
    if !start_by_plan(step, context) {
        slot.ask(Question::Start);
        run(step.registers, context);
    }
    set_mask(context, CAUSED_BY_STEPS.iter().fold(u64::MAX, |all, one| all & !(1 << (one - 1))));
    true
}

/// Starts the instruction at `step.before` if there is a plan for it.
fn start_by_plan(step: &mut Step, context: &mut ucontext_t) -> bool {
    let Some(plan) = plan::find(step.before.pc()) else { return false };
    let Some((start, distances)) = plan.shift.start(&step.before, guard::place) else {
        return false;
    };
    step.how = How::Planned(plan, distances);
    run(start, context);
    true
}

fn run(mut registers: Registers, context: &mut ucontext_t) {
    registers.set_trap();
    registers.resume(context);
}

/// The instruction has run: notes what it did, and lets the thread go on.
fn finish(slot: &Slot, context: &mut ucontext_t) {
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe { slot.step() };
    let mut after = Registers::of_interrupted(context);
    after.restore_trap(&step.before);
    match step.how {
        How::Planned(plan, distances) => {
            plan.shift.settle(distances, &step.before, &mut after);
            let shown_in = plan.shift.shown_in;
            let shown = shown_in.and_then(|register| saved(saved_vectors(context), register));
            let copied = plan.shift.other_operand(distances, &step.before).and_then(|range| {
                let mut bytes = [0; 8];
                let place = bytes.get_mut(..(range.end - range.start) as usize)?;
                ptrace::read_memory(step.thread as i32, range.start, place).ok()?;
                Some((range.start, bytes))
            });
            log::put(
                step.thread,
                log::What::Stepped {
                    instruction: plan.instruction,
                    before: step.before,
                    after,
                    shown: shown.unwrap_or([0; 64]),
                    copied,
                },
            );
            // A repeated instruction is still there, and would fault again at once.
            let goes_on = plan.shift.is_repeated && after.pc() == step.before.pc();
            if goes_on && step.rounds < MOST_ROUNDS {
                step.rounds += 1;
                step.before = after;
                if start_by_plan(step, context) {
                    return;
                }
            }
        }
        How::Asked => {
            step.registers = after;
            step.vectors = ptr::from_ref(saved_vectors(context));
            slot.ask(Question::Settle);
            after = step.registers;
        }
    }
    after.resume(context);
    set_mask(context, step.mask);
    slot.release();
}

/// The instruction could not run: whoever is asked next finds the thread as if it had tried on the
/// window itself. It is to be tried `again` when the pages were made inaccessible just now.
fn fail(slot: &Slot, fault: &mut Fault<'_>, again: bool) {
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe { slot.step() };
    step.signal = if again { 0 } else { fault.signal() };
    match step.how {
        How::Planned(..) if again => {}
        How::Planned(plan, _) => {
            let instruction = plan.instruction;
            let (before, signal) = (step.before, step.signal);
            log::put(step.thread, log::What::Failed { instruction, before, signal });
        }
        How::Asked => slot.ask(Question::Abandon),
    }
    if let Some(address) = guard::behind_alias(fault.address() as u64) {
        fault.set_address(address as usize);
    }
    let context = fault.context();
    step.before.resume(context);
    set_mask(context, step.mask);
    slot.release();
}

/// Whether the fault may be of a time when the page was still watched, or not yet: it is tried
/// again then, once for each time that pages came or went.
fn is_late(address: u64, context: &ucontext_t) -> bool {
    static TRIED: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];
    let Some(changes) = guard::is_or_was_at(address) else { return false };
    // SAFETY: it has no preconditions.
    let thread = unsafe { libc::pthread_self() as u64 };
    let pc = Registers::of_interrupted(context).pc();
    let this = thread.rotate_left(40) ^ pc.rotate_left(20) ^ address ^ u64::from(changes) << 32;
    let place = thread.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 60;
    TRIED[place as usize].swap(this, Ordering::Relaxed) != this
}

/// The kernel's own mask of signals, which is shorter than libc's.
fn mask(context: &ucontext_t) -> u64 {
    // SAFETY: a mask has at least 64 signals.
    unsafe { (&raw const context.uc_sigmask).cast::<u64>().read() }
}

fn set_mask(context: &mut ucontext_t, mask: u64) {
    // SAFETY: as above.
    unsafe { (&raw mut context.uc_sigmask).cast::<u64>().write(mask) };
}
