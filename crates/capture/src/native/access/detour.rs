//! Running copies of instructions: with a breakpoint behind them, or, when the program has but one
//! thread and only stores, without waiting for them.

use std::collections::{HashMap, HashSet};

use busprobe_trace::{Direction, LossKind};
use nix::errno::Errno;

use super::step::Stepped;
use super::touch::Touch;
use crate::native::arch::layout::ARENA;
use crate::native::arch::{DETOUR_SIZE, Detour, Instruction, RETURNABLE, Redirect, Registers};
use crate::native::program::signals::FAULTS;
use crate::native::ptrace::{self, How, Stop, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::space::{PAGE, Presence};

/// Where the copies are, beyond any page size from the stub and the scratch page.
const START: u64 = ARENA.start + (2 << 16);
/// Bytes of all copies.
const LENGTH: u64 = 1 << 14;
const MOST: usize = LENGTH as usize / DETOUR_SIZE;

/// The copies in one address space.
#[derive(Clone, Default)]
pub(crate) struct Detours {
    pages: Presence,
    /// By the place of the instruction.
    known: HashMap<u64, Known>,
    /// Pages of windows that were stored to: a store there will not fault.
    stored: HashSet<u64>,
    /// Whether a window has a protection key, and a thread may deny itself what it stored to.
    has_keys: bool,
}

#[derive(Clone)]
struct Known {
    /// What the instruction was when it was copied.
    code: Vec<u8>,
    detour: Detour,
}

impl Detours {
    /// Those of a copy of the space: which code was written before it is not known.
    pub(crate) fn copied(&self) -> Detours {
        Detours { pages: self.pages.copied(), has_keys: self.has_keys, ..Detours::default() }
    }

    /// Takes note that a window was given a protection key.
    pub(crate) fn heed_keys(&mut self) {
        self.has_keys = true;
    }

    /// Takes note that mappings have changed.
    pub(crate) fn distrust(&mut self) {
        self.stored.clear();
    }
}

/// A store that is under way.
#[derive(Clone, Copy)]
pub(crate) struct Underway {
    detour: Detour,
    touch: Touch,
    before: Registers,
    /// Where the program goes on.
    next: u64,
}

impl Underway {
    /// The registers as the store leaves them.
    fn after(&self) -> Registers {
        let mut after = self.before;
        after.set_pc(self.next);
        after
    }
}

impl Tracer<'_> {
    /// The copies of the instruction at `pc`, made now if not before; `None` when they would not
    /// do the same.
    fn detour(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        pc: u64,
    ) -> Result<Option<Detour>, Errno> {
        let detours = &self.space(tid).detours;
        let known = detours.known.get(&pc);
        if let Some(known) = known.filter(|known| known.code == instruction.code()) {
            return Ok(Some(known.detour));
        }
        if !instruction.may_run_elsewhere() {
            return Ok(None);
        }
        let code = instruction.code().to_vec();
        // No thread is at any of them now.
        let is_full = known.is_none() && detours.known.len() == MOST;
        let place = match known {
            Some(known) => known.detour.stopping(),
            None if is_full => START,
            None => START + (detours.known.len() * DETOUR_SIZE) as u64,
        };
        let mut pages = detours.pages;
        if pages != Presence::There {
            let protection = libc::PROT_READ | libc::PROT_EXEC;
            pages = self.map_own(tid, START..START + LENGTH, protection, pages)?;
            self.space_mut(tid).detours.pages = pages;
        }
        if pages != Presence::There {
            return Ok(None);
        }
        ptrace::write_code(tid, place, &instruction.detour())?;
        let detours = &mut self.space_mut(tid).detours;
        if is_full {
            detours.known.clear();
        }
        let detour = Detour::new(place);
        detours.known.insert(pc, Known { code, detour });
        Ok(Some(detour))
    }

    /// Unmaps the copies.
    pub(crate) fn drop_detours(&mut self, tid: Tid) -> Result<(), Errno> {
        let detours = std::mem::take(&mut self.space_mut(tid).detours);
        self.unmap_own(tid, START..START + LENGTH, detours.pages)
    }

    /// Runs a copy of the instruction up to the breakpoint behind it; `None`, and nothing done,
    /// when a copy would not do the same. The registers are settled when it has run.
    pub(crate) fn run_copy(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        redirect: &Redirect,
        before: &Registers,
    ) -> Result<Option<(Stepped, Registers)>, Errno> {
        let Some(detour) = self.detour(tid, instruction, before.pc())? else {
            return Ok(None);
        };
        let mut after = redirect.start;
        after.set_pc(detour.stopping());
        after.write(tid)?;
        let stepped = self.run_to_trap(tid, How::Run)?;
        if matches!(stepped, Stepped::Done) {
            after = Registers::read(tid)?;
            redirect.settle(before, &mut after);
            after.set_pc(before.pc() + instruction.length() as u64);
            after.write(tid)?;
        }
        Ok(Some((stepped, after)))
    }

    /// Has the thread make a store when it goes on, and continue behind it; whether it will.
    ///
    /// The trace's order is that of the bus, so nothing else may run before the store is done.
    pub(crate) fn set_out(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<bool, Errno> {
        let thread = &self.threads[&tid];
        let goes_on = thread.held.is_none() && !thread.is_to_stop && !self.is_leaving;
        let is_alone = self.threads.len() == 1 && self.unknown.is_empty() && self.later.is_empty();
        if !goes_on || !is_alone || !instruction.only_stores(touches, before) {
            return Ok(false);
        }
        let (touch, range) = (touches[0], touches[0].range());
        let space = self.space(tid);
        let is_proven = !space.detours.has_keys
            && pages(&touch).all(|page| space.detours.stored.contains(&page));
        let Some(mapping) = space.guards(&range).filter(|mapping| mapping.has(&range)) else {
            return Ok(false);
        };
        if !is_proven || mapping.alias != Some(RETURNABLE) {
            return Ok(false);
        }
        let Some(mut start) = instruction.move_out(before) else { return Ok(false) };
        let Some(detour) = self.detour(tid, instruction, before.pc())? else { return Ok(false) };
        start.set_pc(detour.returning());
        start.write(tid)?;
        let next = before.pc() + instruction.length() as u64;
        self.thread(tid).underway = Some(Underway { detour, touch, before: *before, next });
        Ok(true)
    }

    /// Takes note that these were done.
    pub(crate) fn prove(&mut self, tid: Tid, touches: &[Touch]) {
        let space = self.space_mut(tid);
        for touch in touches.iter().filter(|touch| touch.direction == Direction::Write) {
            if space.is_used_by(touch) {
                space.detours.stored.extend(pages(touch));
            }
        }
    }

    /// Brings a thread back that has stopped on its way; whether it stopped before the store was
    /// done. Then the store is done now, and what the stop is for has still to come.
    pub(crate) fn bring_back(&mut self, tid: Tid, stop: Stop) -> Result<bool, Errno> {
        let Some(underway) = self.thread(tid).underway.take() else { return Ok(false) };
        let present = Registers::read(tid)?;
        if !underway.detour.has(present.pc()) {
            return Ok(false);
        }
        if present.pc() != underway.detour.returning() {
            underway.after().write(tid)?;
            return Ok(false);
        }
        if let Stop::Signal(signal) = stop {
            let info = ptrace::signal_info(tid)?;
            if FAULTS.contains(&signal) && info.is_from_kernel() {
                return self.give_up(tid, &underway, info).map(|()| true);
            }
            self.thread(tid).held = Some(info);
        } else if !matches!(stop, Stop::Event(_, libc::SIGTRAP)) {
            self.thread(tid).is_to_stop = true;
        }
        let mut fault = None;
        self.undisturbed(tid, |tracer, tid| {
            match tracer.step(tid)? {
                Stepped::Done => underway.after().write(tid)?,
                Stepped::Fault(info) => fault = Some(info),
            }
            Ok(())
        })?;
        fault.map_or(Ok(()), |info| self.give_up(tid, &underway, info))?;
        Ok(true)
    }

    /// The store faulted, which the trace has already.
    fn give_up(
        &mut self,
        tid: Tid,
        underway: &Underway,
        info: ptrace::SignalInfo,
    ) -> Result<(), Errno> {
        let detail = format!(
            "a store of {} bytes that is in the trace ended in a signal: the device may not have \
             seen it",
            underway.touch.size
        );
        self.recorder.loss(LossKind::Approximate, detail);
        self.fail(tid, &underway.before, &[], info)
    }
}

fn pages(touch: &Touch) -> impl Iterator<Item = u64> {
    let range = touch.range();
    range.start / *PAGE..=(range.end - 1) / *PAGE
}
