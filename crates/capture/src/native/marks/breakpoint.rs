//! Breakpoints in the program's own code: a thread that comes to one is marked, then runs the
//! instruction whose place it took.
//!
//! Most instructions run from the stub, and no other thread notices. Those that depend on their
//! place, or use a window, run there: the other threads are stopped meanwhile, so that none passes
//! while the breakpoint is out.

use std::collections::BTreeMap;

use nix::errno::Errno;

use crate::native::access::step::Stepped;
use crate::native::arch::layout::{BREAKPOINT, BREAKPOINT_ADVANCE, LONGEST_INSTRUCTION};
use crate::native::arch::{Registers, is_trap, runs_anywhere};
use crate::native::program::arrive::call_instruction;
use crate::native::ptrace::{self, Tid};
use crate::native::syscalls::inject::CODE;
use crate::native::tracer::Tracer;

/// The breakpoints of one address space, by where they are.
pub(crate) type Breakpoints = BTreeMap<u64, Breakpoint>;

/// What the program has where a breakpoint is.
type Displaced = [u8; BREAKPOINT.len()];

/// A place in the program's code that its threads stop at.
#[derive(Clone)]
pub(crate) struct Breakpoint {
    displaced: Displaced,
    purposes: Vec<Purpose>,
}

/// What a breakpoint is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The function with this number begins.
    Mark(usize),
    /// A function begins that returns where the function with this number is.
    Resolve(usize),
    /// Such a function may have returned.
    Resolved,
}

/// What one thread's breakpoints have yet to learn.
#[derive(Default)]
pub(crate) struct Arrivals {
    /// The functions that are being resolved, with the stack pointers after that.
    resolving: Vec<(u64, usize)>,
    /// The breakpoint whose instruction has begun and not ended, and the stack pointer there: a
    /// signal came first, or it repeats itself.
    begun: Option<(u64, u64)>,
}

impl Tracer<'_> {
    /// Puts a breakpoint at `at`; whether that could be done.
    pub(crate) fn set_breakpoint(
        &mut self,
        tid: Tid,
        at: u64,
        purpose: Purpose,
    ) -> Result<bool, Errno> {
        let Some(here) = displaced_at(tid, at) else { return Ok(false) };
        let breakpoints = &mut self.space_mut(tid).breakpoints;
        match breakpoints.get_mut(&at) {
            Some(known) if here == BREAKPOINT => {
                if !known.purposes.contains(&purpose) {
                    known.purposes.push(purpose);
                }
                Ok(true)
            }
            _ => {
                let purposes = vec![purpose];
                match patch(tid, at, BREAKPOINT) {
                    Ok(()) => {}
                    Err(Errno::ESRCH) => return Err(Errno::ESRCH),
                    // What cannot be changed cannot be marked.
                    Err(_) => return Ok(false),
                }
                breakpoints.insert(at, Breakpoint { displaced: here, purposes });
                Ok(true)
            }
        }
    }

    /// Takes all breakpoints out of the thread's address space.
    pub(crate) fn clear_breakpoints(&mut self, tid: Tid) -> Result<(), Errno> {
        for (at, breakpoint) in std::mem::take(&mut self.space_mut(tid).breakpoints) {
            if is_set(tid, at) {
                patch(tid, at, breakpoint.displaced)?;
            }
        }
        Ok(())
    }

    /// The breakpoint that the thread, which is stopped for SIGTRAP, has come to.
    pub(crate) fn breakpoint(&self, tid: Tid) -> Result<Option<u64>, Errno> {
        let breakpoints = &self.space(tid).breakpoints;
        if breakpoints.is_empty() || !ptrace::signal_info(tid)?.is_breakpoint() {
            return Ok(None);
        }
        let at = Registers::read(tid)?.pc().wrapping_sub(BREAKPOINT_ADVANCE);
        Ok(breakpoints.contains_key(&at).then_some(at))
    }

    /// The thread has come to the breakpoint at `at`: does what that is for, and lets it go on.
    pub(crate) fn reached(&mut self, tid: Tid, at: u64) -> Result<(), Errno> {
        let stopped = Registers::read(tid)?;
        let mut before = stopped;
        before.set_pc(at);
        before.write(tid)?;
        self.prepare_stub_anyhow(tid)?;
        self.keep_handler(tid, libc::SIGTRAP)?;
        let Breakpoint { displaced, purposes } = self.space(tid).breakpoints[&at].clone();
        if !is_set(tid, at) {
            // It was taken out while the thread was on its way to say so.
            return self.resume(tid);
        }
        if !self.recorder.wants_more() && !self.origin.is_attached() {
            patch(tid, at, displaced)?;
            return self.resume(tid);
        }
        let here = (at, before.stack_pointer());
        if self.thread(tid).arrivals.begun.take() != Some(here) {
            for purpose in purposes {
                self.serve(tid, &before, purpose)?;
            }
        }
        let mut code = [0; LONGEST_INSTRUCTION];
        let length = ptrace::read_memory(tid, at, &mut code).unwrap_or(0).max(displaced.len());
        code[..displaced.len()].copy_from_slice(&displaced);
        if is_trap(at, &code[..length]) {
            // The program's own breakpoint.
            stopped.write(tid)?;
            return self.deliver(tid, libc::SIGTRAP);
        }
        self.run_displaced(tid, &before, displaced, &code[..length])?;
        if Registers::read(tid)?.pc() == at {
            self.thread(tid).arrivals.begun = Some(here);
        }
        self.resume(tid)
    }

    fn serve(&mut self, tid: Tid, registers: &Registers, purpose: Purpose) -> Result<(), Errno> {
        match purpose {
            Purpose::Mark(index) => {
                let text = self.marked.wanted[index].mark.text.clone();
                self.recorder.mark(tid, text);
            }
            Purpose::Resolve(index) => {
                if let Some((place, stack_pointer)) = registers.return_place(tid)
                    && self.set_breakpoint(tid, place, Purpose::Resolved)?
                {
                    self.thread(tid).arrivals.resolving.push((stack_pointer, index));
                }
            }
            Purpose::Resolved => {
                let resolving = &mut self.thread(tid).arrivals.resolving;
                let is_it = |last: &mut (u64, usize)| last.0 == registers.stack_pointer();
                if let Some((_, index)) = resolving.pop_if(is_it) {
                    self.mark_resolved(tid, registers.result() as u64, index)?;
                }
            }
        }
        Ok(())
    }

    /// Runs the instruction `code` that the breakpoint takes the place of.
    fn run_displaced(
        &mut self,
        tid: Tid,
        before: &Registers,
        displaced: Displaced,
        code: &[u8],
    ) -> Result<(), Errno> {
        let at = before.pc();
        if let Some(length) = runs_anywhere(at, code)
            && let Some(stub) = self.space(tid).stub
        {
            let mut words = [0; LONGEST_INSTRUCTION.next_multiple_of(8)];
            words[..length].copy_from_slice(&code[..length]);
            ptrace::write_code(tid, stub + CODE, &words[..length.next_multiple_of(8)])?;
            let mut start = *before;
            start.set_pc(stub + CODE);
            start.write(tid)?;
            match self.step(tid)? {
                Stepped::Done => {
                    let mut after = Registers::read(tid)?;
                    after.set_pc(after.pc().wrapping_sub(stub + CODE).wrapping_add(at));
                    return after.write(tid);
                }
                Stepped::Fault(info)
                    if !info.is_fault() || self.space(tid).guard(info.address()).is_none() =>
                {
                    return self.fail(tid, before, &[], info);
                }
                // It uses a window, and has to be seen at its own place.
                Stepped::Fault(_) => before.write(tid)?,
            }
        }
        self.alone(tid, |tracer| {
            patch(tid, at, displaced)?;
            let done = tracer.run_in_place(tid, before);
            patch(tid, at, BREAKPOINT)?;
            done
        })
    }

    fn run_in_place(&mut self, tid: Tid, before: &Registers) -> Result<(), Errno> {
        let Stepped::Fault(info) = self.step(tid)? else { return Ok(()) };
        if info.is_fault() && self.space(tid).guard(info.address()).is_some() {
            self.access(tid, info.address())
        } else {
            self.fail(tid, before, &[], info)
        }
    }

    /// Maps the stub, if the program has a system call instruction to do so by.
    fn prepare_stub_anyhow(&mut self, tid: Tid) -> Result<(), Errno> {
        if self.space(tid).stub.is_none()
            && let Some(at) = call_instruction(tid)
        {
            let _ = self.prepare_stub(tid, at)?;
        }
        Ok(())
    }
}

fn displaced_at(tid: Tid, at: u64) -> Option<Displaced> {
    let mut here = Displaced::default();
    (ptrace::read_memory(tid, at, &mut here) == Ok(here.len())).then_some(here)
}

/// Whether a breakpoint's instruction is at `at`.
pub(crate) fn is_set(tid: Tid, at: u64) -> bool {
    displaced_at(tid, at) == Some(BREAKPOINT)
}

/// Changes code; a private mapping's pages are the process's own from then on.
fn patch(tid: Tid, at: u64, bytes: Displaced) -> Result<(), Errno> {
    let (word, place) = (at & !7, (at & 7) as usize);
    let mut whole = ptrace::read_word(tid, word).ok_or(Errno::EFAULT)?.to_ne_bytes();
    whole[place..place + bytes.len()].copy_from_slice(&bytes);
    ptrace::write_code(tid, word, &whole)
}
