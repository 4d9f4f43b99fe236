//! An access to a window: from the fault to the records.

use std::rc::Rc;

use busprobe_trace::{Access, Data, Direction, LossKind};
use nix::errno::Errno;

use super::arch::layout::{ARENA, LONGEST_INSTRUCTION};
use super::arch::{Evidence, Instruction, Registers, Vectors};
use super::inject::CODE;
use super::ptrace::{self, SignalInfo, Tid};
use super::space::Space;
use super::step::Stepped;
use super::touch::{Move, Touch};
use super::tracer::Tracer;

impl Tracer<'_> {
    /// The thread is stopped because it touched a window at `address`: lets it do so, once, and
    /// records what it did.
    pub(crate) fn access(&mut self, tid: Tid, address: u64) -> Result<(), Errno> {
        self.keep_handler(tid)?;
        loop {
            let before = Registers::read(tid)?;
            let mut code = [0; LONGEST_INSTRUCTION];
            let length = ptrace::read_memory(tid, before.pc(), &mut code).unwrap_or(0);
            let instruction = self.space_mut(tid).instruction(before.pc(), &code[..length]);
            let Some(instruction) = instruction else {
                let detail = format!("an unknown instruction at {:#x} used a window", before.pc());
                self.recorder.loss(LossKind::Missed, detail);
                return self.open_and_step(tid, &before, address);
            };
            if let Some(caution) = instruction.caution() {
                self.recorder.loss(LossKind::Approximate, caution);
            }
            let vectors = instruction.needs_vectors().then(|| Vectors::read(tid)).transpose()?;
            let touches = instruction.touches(&before, vectors.as_ref());
            if !touches.iter().any(|touch| self.space(tid).guards(&touch.range()).is_some()) {
                // Such as clflush: nothing that a bus would see as a load or store.
                return self.open_and_step(tid, &before, address);
            }
            let after = match self.perform(tid, &instruction, &before, &touches)? {
                Stepped::Done => Registers::read(tid)?,
                Stepped::Fault(info) => return self.fail(tid, &before, &touches, info),
            };
            self.record(tid, &instruction, &code[..length], &touches, [&before, &after])?;
            // A repeated instruction is still there, and would fault again at once.
            let goes_on = instruction.is_repeated() && after.pc() == before.pc();
            if !goes_on || self.thread(tid).held.is_some() || self.thread(tid).is_to_stop {
                return Ok(());
            }
        }
    }

    /// Runs the instruction once, on the aliases if that can be; leaves the registers as the
    /// program expects them.
    fn perform(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<Stepped, Errno> {
        let redirect = moves(self.space(tid), touches)
            .and_then(|moves| instruction.redirect(before, &moves, ARENA.start + CODE));
        let Some(redirect) = redirect else {
            return self.step_opened(tid, before, touches);
        };
        if let Some(code) = &redirect.code {
            ptrace::write_code(tid, ARENA.start + CODE, code)?;
        }
        redirect.start.write(tid)?;
        let stepped = self.step(tid)?;
        if matches!(stepped, Stepped::Done) {
            let mut after = Registers::read(tid)?;
            redirect.settle(before, &mut after);
            after.write(tid)?;
        }
        Ok(stepped)
    }

    /// An access that is not to be recorded.
    fn open_and_step(&mut self, tid: Tid, before: &Registers, address: u64) -> Result<(), Errno> {
        let touch = Touch { operand: 0, direction: Direction::Read, address, size: 1, lane: 0 };
        match self.step_opened(tid, before, &[touch])? {
            Stepped::Done => Ok(()),
            Stepped::Fault(info) => self.fail(tid, before, &[], info),
        }
    }

    /// The instruction faulted in earnest: the program is to hear of it.
    fn fail(
        &mut self,
        tid: Tid,
        before: &Registers,
        touches: &[Touch],
        info: SignalInfo,
    ) -> Result<(), Errno> {
        before.write(tid)?;
        let address = info.address();
        let mapping = self.space(tid).aliased(address).filter(|_| info.is_fault());
        let of_window = mapping
            .and_then(|mapping| mapping.alias)
            .map(|distance| info.with_address(address.wrapping_add_signed(-distance)));
        if info.signal() == libc::SIGBUS || info.signal() == libc::SIGFPE {
            for touch in touches {
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

    fn record(
        &mut self,
        tid: Tid,
        instruction: &Rc<Instruction>,
        code: &[u8],
        touches: &[Touch],
        [before, after]: [&Registers; 2],
    ) -> Result<(), Errno> {
        let vectors = instruction.shows_in_vectors().then(|| Vectors::read(tid)).transpose()?;
        let code = &code[..instruction.length()];
        let id = self.process(tid).space;
        let Tracer { sites, recorder, spaces, .. } = self;
        let space = spaces.get_mut(&id).expect("a process's space is known");
        let from = sites.find(space, tid, before, code, recorder);
        let space = &*space;
        let memory = |address: u64, size: usize| {
            let mut bytes = vec![0; size];
            let is_ordinary = !space.is_device(&(address..address.saturating_add(size as u64)));
            let read = is_ordinary.then(|| ptrace::read_memory(tid, address, &mut bytes));
            (read == Some(Ok(size))).then_some(bytes)
        };
        let evidence = Evidence { before, after, vectors: vectors.as_ref(), memory: &memory };
        for touch in touches {
            let range = touch.range();
            let Some(mapping) = space.guards(&range) else { continue };
            if touch.size == 0 {
                let detail = "an instruction that saves or restores the processor's state used a \
                              window: how much of it is not known";
                self.recorder.loss(LossKind::Missed, detail);
                continue;
            }
            let data = instruction.data(touch, &evidence);
            let in_file = mapping.file_range(&range);
            // An operand may begin before the mapping that it ends in.
            let skipped = mapping.range.start.saturating_sub(range.start);
            for piece in self.watched.pieces(mapping.file, &in_file) {
                let size = piece.range.end - piece.range.start;
                let first = (piece.range.start - in_file.start + skipped) as usize;
                if size < touch.size.into() {
                    let detail = "an access crossed the end of a window: the trace has the part \
                                  inside";
                    self.recorder.loss(LossKind::Approximate, detail);
                }
                let part =
                    |data: Data| Some(Data::new(data.bytes().get(first..first + size as usize)?));
                self.recorder.access(&Access {
                    window: piece.window,
                    data: data.and_then(part),
                    thread: tid as u32,
                    site: Some(from),
                    ..Access::new(touch.direction, piece.offset, size as u32)
                });
            }
        }
        Ok(())
    }
}

/// The operands to move, and how far; `None` when one of them cannot be moved as a whole.
fn moves(space: &Space, touches: &[Touch]) -> Option<Vec<Move>> {
    let mut moves: Vec<Move> = Vec::new();
    for touch in touches {
        let Some(mapping) = space.guards(&touch.range()) else { continue };
        let distance = mapping.alias?;
        // All of the operand has to lie in this one mapping.
        let is_whole = touches.iter().filter(|other| other.operand == touch.operand).all(|other| {
            let range = other.range();
            mapping.range.start <= range.start && range.end <= mapping.range.end
        });
        if !is_whole {
            return None;
        }
        let wanted = Move { operand: touch.operand, distance };
        if !moves.contains(&wanted) {
            moves.push(wanted);
        }
    }
    Some(moves)
}
