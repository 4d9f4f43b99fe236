//! A load-exclusive and its store, which succeeds only when no exception came between them.

use busprobe_trace::LossKind;
use nix::errno::Errno;

use super::perform::moves;
use super::step::Stepped;
use super::touch::{Move, Touch};
use crate::native::arch::layout::ARENA;
use crate::native::arch::{ExclusiveRun, Instruction, Registers};
use crate::native::ptrace::{self, How, Tid};
use crate::native::syscalls::inject::CODE;
use crate::native::tracer::Tracer;

impl Tracer<'_> {
    /// Runs from a load-exclusive, which makes `touches`, to where the program leaves it or its store
    /// has been tried, and records both; `false`, and nothing done, when it cannot or is another
    /// instruction.
    pub(crate) fn run_exclusive(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<bool, Errno> {
        if !instruction.is_load_exclusive() {
            return Ok(false);
        }
        let has_run = self.run_to_store(tid, before, touches)?;
        if !has_run {
            let detail = "an exclusive load used a window, and no store that belongs to it was found \
                          right after: if there is one, it does not succeed while it is traced, and \
                          a program that repeats it until it does never ends";
            self.recorder.loss(LossKind::Approximate, detail);
        }
        Ok(has_run)
    }

    fn run_to_store(
        &mut self,
        tid: Tid,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<bool, Errno> {
        let mut code = [0; ExclusiveRun::LONGEST];
        let length = ptrace::read_memory(tid, before.pc(), &mut code).unwrap_or(0);
        let Some(exclusive) = ExclusiveRun::decode(before.pc(), &code[..length]) else {
            return Ok(false);
        };
        let moves = moves(self.space(tid), touches);
        let Some([Move { distance, .. }]) = moves.as_deref() else {
            return Ok(false);
        };
        let stub = ARENA.start + CODE;
        ptrace::write_code(tid, stub, &exclusive.code())?;
        exclusive.start(before, *distance, stub).write(tid)?;
        let stepped = self.run_to_trap(tid, How::Run)?;
        let ended = exclusive.end(before, &Registers::read(tid)?, stub);
        for (pc, touch, data) in &ended.made {
            let mut registers = *before;
            registers.set_pc(*pc);
            let instruction = &code[(pc - before.pc()) as usize..][..4];
            let site = self.site(tid, &registers, instruction);
            self.note(tid, touch, *data, site);
        }
        match stepped {
            Stepped::Done => ended.after.write(tid)?,
            Stepped::Fault(info) => self.fail(tid, &ended.after, &ended.rest, info)?,
        }
        Ok(true)
    }
}
