//! Letting an instruction do its accesses, once, on the aliases.

use nix::errno::Errno;

use super::arch::layout::ARENA;
use super::arch::{Instruction, Registers};
use super::inject::CODE;
use super::ptrace::{self, Tid};
use super::space::Space;
use super::step::Stepped;
use super::touch::{Move, Touch};
use super::tracer::Tracer;

impl Tracer<'_> {
    /// Runs the instruction once, on the aliases if that can be; leaves the registers as the
    /// program expects them.
    pub(crate) fn perform(
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
}

/// The operands to move, and how far; `None` when one of them cannot be moved as a whole.
pub(crate) fn moves(space: &Space, touches: &[Touch]) -> Option<Vec<Move>> {
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
