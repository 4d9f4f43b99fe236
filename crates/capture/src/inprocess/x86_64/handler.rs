//! What the signal handlers do. They allocate nothing, take no lock, and decode nothing.

use std::ptr;

use busprobe_faults::{Fault, Turn};
use libc::{SIGBUS, SIGFPE, SIGSEGV, SIGTRAP, c_int, ucontext_t};

use super::signals::CAUSED_BY_INSTRUCTIONS;
use super::step::{How, Question, Slot, Step};
use super::{guard, log, plan, python, retry};
use crate::inprocess::Error;
use crate::native::arch::{Registers, saved, saved_vectors};
use crate::native::ptrace;

/// The page is there but does not allow the access: asm-generic/siginfo.h.
const SEGV_ACCERR: c_int = 2;
/// One instruction has run.
const TRAP_TRACE: c_int = 2;
/// Among others, a breakpoint.
const SI_KERNEL: c_int = 0x80;

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
            let is_step = code == TRAP_TRACE || code == SI_KERNEL;
            if is_step {
                finish(slot, fault.context());
            }
            is_step
        }
        Some(slot) if code > 0 => {
            let again = signal == SIGSEGV && is_to_be_begun_again(fault);
            fail(slot, fault, again);
            again
        }
        None if signal == SIGSEGV && code == SEGV_ACCERR => {
            let address = fault.address() as u64;
            begin(address, fault.context()) || retry::is_due(pc(fault), address)
        }
        _ => false,
    }
}

/// Whether a step faulted because another operand's window is watched since a moment ago, or was.
fn is_to_be_begun_again(fault: &mut Fault<'_>) -> bool {
    let address = fault.address() as u64;
    guard::at(address).is_some()
        || fault.code() == SEGV_ACCERR
            && guard::behind_alias(address).is_none()
            && retry::is_due(pc(fault), address)
}

fn pc(fault: &mut Fault<'_>) -> u64 {
    Registers::of_interrupted(fault.context()).pc()
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
    let place = python::place();
    let line = place.as_ref().map_or(Some(python::NONE), python::find);
    let step = Step {
        // SAFETY: gettid(2) has no preconditions.
        thread: unsafe { libc::gettid() } as u32,
        address,
        place,
        line: line.unwrap_or(python::NONE),
        before,
        registers: before,
        vectors: ptr::from_ref(saved_vectors(context)),
        signal: 0,
        mask: mask(context),
        how: How::Asked,
    };
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe {
        slot.begin(&step);
        slot.step()
    };
    if line.is_none() {
        slot.ask(Question::Locate);
    }
    if !start_by_plan(step, context) {
        slot.ask(Question::Start);
        step.registers.resume(context);
    }
    // What the instruction itself causes cannot be put off until after its step.
    set_mask(
        context,
        CAUSED_BY_INSTRUCTIONS.iter().fold(u64::MAX, |all, one| all & !(1 << (one - 1))),
    );
    true
}

/// Starts the instruction at `step.before` if there is a plan for it.
fn start_by_plan(step: &mut Step, context: &mut ucontext_t) -> bool {
    let Some(plan) = plan::find(step.before.pc()) else { return false };
    let Some((mut start, distances)) = plan.shift.start(&step.before, guard::place) else {
        return false;
    };
    step.how = How::Planned(plan, distances);
    start.set_pc(plan.stub);
    start.resume(context);
    true
}

/// The instruction has run: notes what it did, and lets the thread go on.
fn finish(slot: &Slot, context: &mut ucontext_t) {
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe { slot.step() };
    let mut after = Registers::of_interrupted(context);
    after.restore_trap(&step.before);
    match step.how {
        How::Planned(plan, distances) => {
            after.set_pc(plan.next(step.before.pc()));
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
                step.line,
                log::What::Stepped {
                    instruction: plan.instruction,
                    before: step.before,
                    after,
                    shown: shown.unwrap_or([0; 64]),
                    copied,
                },
            );
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
/// window itself, as far as it came. It is to be tried `again` when the pages were made inaccessible just now.
fn fail(slot: &Slot, fault: &mut Fault<'_>, again: bool) {
    // SAFETY: the slot is this thread's, and its step has begun.
    let step = unsafe { slot.step() };
    step.signal = if again { 0 } else { fault.signal() };
    step.address = fault.address() as u64;
    match step.how {
        How::Planned(plan, _) => {
            let instruction = plan.instruction;
            step.registers = step.before;
            let &mut Step { before, signal, address, .. } = step;
            log::put(
                step.thread,
                step.line,
                log::What::Failed { instruction, before, signal, address },
            );
        }
        How::Asked => {
            step.registers = Registers::of_interrupted(fault.context());
            slot.ask(Question::Abandon);
        }
    }
    if let Some(address) = guard::behind_alias(fault.address() as u64) {
        fault.set_address(address as usize);
    }
    let context = fault.context();
    step.registers.resume(context);
    set_mask(context, step.mask);
    slot.release();
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
