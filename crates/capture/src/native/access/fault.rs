//! An access to a window: from the fault to the records.

use busprobe_trace::{Direction, LossKind};
use nix::errno::Errno;

use super::perform::Performed;
use super::step::Stepped;
use super::string::Elements;
use super::touch::Touch;
use crate::native::arch::layout::LONGEST_INSTRUCTION;
use crate::native::arch::{Instruction, Registers, Vectors};
use crate::native::ptrace::{self, SignalInfo, Tid};
use crate::native::tracer::Tracer;

impl Tracer<'_> {
    /// The thread is stopped because it touched a window at `address`: lets it do so, once, and
    /// records what it did.
    pub(crate) fn access(&mut self, tid: Tid, address: u64) -> Result<(), Errno> {
        // What was under way is done: this is another instruction.
        #[cfg(target_arch = "x86_64")]
        self.thread(tid).underway.take();
        self.keep_handler(tid, libc::SIGSEGV)?;
        let mut elements = Elements::default();
        let ended = self.access_all(tid, address, &mut elements);
        self.record_elements(tid, &mut elements);
        ended
    }

    /// Runs the instruction as often as it repeats itself, if it does. Those of its elements that
    /// are run one by one go to `elements`.
    fn access_all(&mut self, tid: Tid, address: u64, elements: &mut Elements) -> Result<(), Errno> {
        let mut has_gone_on = false;
        loop {
            let before = Registers::read(tid)?;
            let mut code = [0; LONGEST_INSTRUCTION];
            let length = ptrace::read_memory(tid, before.pc(), &mut code).unwrap_or(0);
            let instruction = self.space_mut(tid).instruction(before.pc(), &code[..length]);
            let Some(instruction) = instruction else {
                return self.open_and_step(tid, &before, address, true);
            };
            if let Some(caution) = instruction.caution() {
                self.recorder.loss(LossKind::Approximate, caution);
            }
            let vectors = instruction.needs_vectors().then(|| Vectors::read(tid)).transpose()?;
            let touches = instruction.touches(&before, vectors.as_ref());
            if !touches.iter().any(|touch| self.space(tid).is_used_by(touch)) {
                if has_gone_on {
                    // Out of the window.
                    return Ok(());
                }
                let is_access = !instruction.only_names_memory();
                return self.open_and_step(tid, &before, address, is_access);
            }
            #[cfg(target_arch = "aarch64")]
            if self.run_exclusive(tid, &instruction, &before, &touches)? {
                return Ok(());
            }
            let code = &code[..instruction.length()];
            let ran = match instruction.string(&before) {
                Some(string) => self.run_string(tid, &string, code, &before, &touches)?,
                None => None,
            };
            let after = if let Some(ran) = ran {
                let site = self.site(tid, &before, code);
                self.record_elements(tid, elements);
                self.record_string(tid, &instruction, site, &touches, &before, &ran);
                if let Stepped::Fault(info) = ran.stepped {
                    let rest = instruction.touches(&ran.after, None);
                    return self.fail(tid, &ran.after, &rest, info);
                }
                ran.after
            } else {
                let ran = self.run_once(tid, &instruction, code, &before, touches, elements)?;
                let Some(after) = ran else { return Ok(()) };
                after
            };
            // A repeated instruction is still there, and would fault again at once.
            let goes_on =
                instruction.is_repeated() && after.pc() == before.pc() && !elements.is_full();
            if !goes_on || self.thread(tid).held.is_some() || self.thread(tid).is_to_stop {
                return Ok(());
            }
            has_gone_on = true;
        }
    }

    /// Runs the instruction, of a repeated one an element, and records what it did; the registers
    /// after it, `None` when it faulted or the program goes on without another stop.
    fn run_once(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        code: &[u8],
        before: &Registers,
        touches: Vec<Touch>,
        elements: &mut Elements,
    ) -> Result<Option<Registers>, Errno> {
        #[cfg(target_arch = "x86_64")]
        if self.set_out(tid, instruction, before, &touches)? {
            let site = self.site(tid, before, code);
            let made = self.made(tid, instruction, &touches, [before; 2], &[])?;
            self.note_all(tid, &made, site);
            return Ok(None);
        }
        let Performed { stepped, seen, after } =
            self.perform(tid, instruction, before, &touches)?;
        if let Stepped::Fault(info) = stepped {
            self.record_elements(tid, elements);
            let is_seen = |touch: &Touch| seen.iter().any(|seen| seen.data(touch).is_some());
            let (done, rest): (Vec<_>, Vec<_>) = touches.into_iter().partition(is_seen);
            if !done.is_empty() {
                let site = self.site(tid, before, code);
                let made = self.made(tid, instruction, &done, [before, before], &seen)?;
                self.note_all(tid, &made, site);
            }
            self.fail(tid, before, &rest, info)?;
            return Ok(None);
        }
        #[cfg(target_arch = "x86_64")]
        self.prove(tid, &touches);
        let site = self.site(tid, before, code);
        let made = self.made(tid, instruction, &touches, [before, &after], &seen)?;
        if instruction.is_repeated() {
            self.add_element(tid, elements, &made, site);
        } else {
            self.note_all(tid, &made, site);
        }
        Ok(Some(after))
    }

    /// Runs an instruction of which it is not known what it does to the window, if it `is_access`
    /// at all.
    fn open_and_step(
        &mut self,
        tid: Tid,
        before: &Registers,
        address: u64,
        is_access: bool,
    ) -> Result<(), Errno> {
        if is_access {
            let detail = format!("an unknown instruction at {:#x} used a window", before.pc());
            self.recorder.loss(LossKind::Missed, detail);
        }
        let touch = Touch { operand: 0, direction: Direction::Read, address, size: 1, lane: 0 };
        match self.step_opened(tid, before, &[touch])? {
            Stepped::Done => Ok(()),
            Stepped::Fault(info) => self.fail(tid, before, &[], info),
        }
    }

    /// The instruction faulted in earnest: the program is to hear of it.
    pub(crate) fn fail(
        &mut self,
        tid: Tid,
        before: &Registers,
        touches: &[Touch],
        info: SignalInfo,
    ) -> Result<(), Errno> {
        before.write(tid)?;
        // Of these two the address is the instruction's, which may have run elsewhere.
        let is_of_code = [libc::SIGFPE, libc::SIGILL].contains(&info.signal());
        let info = if is_of_code { info.with_address(before.pc()) } else { info };
        let address = info.address();
        let mapping = self.space(tid).aliased(address).filter(|_| info.is_fault());
        let of_window = mapping
            .and_then(|mapping| mapping.alias)
            .map(|distance| info.with_address(address.wrapping_add_signed(-distance)));
        if info.signal() == libc::SIGBUS || info.signal() == libc::SIGFPE {
            for touch in self.space(tid).uses(touches) {
                let detail = format!(
                    "a {} of {} bytes ended in a signal ({}) and is not in the trace: the device \
                     may have seen it",
                    if touch.direction == Direction::Read { "load" } else { "store" },
                    touch.size,
                    if info.signal() == libc::SIGBUS { "SIGBUS" } else { "SIGFPE" },
                );
                self.recorder.loss(LossKind::Missed, detail);
            }
        }
        // A signal that is held comes first; the instruction will fault again after it.
        self.thread(tid).held.get_or_insert(of_window.unwrap_or(info));
        Ok(())
    }
}
