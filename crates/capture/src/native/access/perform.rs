//! Letting an instruction do its accesses, once, on the aliases.

use busprobe_trace::{Data, Direction};
use nix::errno::Errno;

use super::step::Stepped;
use super::touch::{Move, Touch};
use crate::native::arch::layout::ARENA;
use crate::native::arch::{Instruction, Redirect, Registers};
use crate::native::ptrace::{self, Tid};
use crate::native::syscalls::inject::CODE;
use crate::native::tracer::Tracer;
use crate::native::windows::space::Space;

/// What an instruction did that was let do its accesses.
pub(crate) struct Performed {
    pub(crate) stepped: Stepped,
    /// The data that were seen besides what registers show.
    pub(crate) seen: Vec<Seen>,
    /// The registers as the program was given them again, if it ran.
    pub(crate) after: Registers,
}

/// What one operand in memory carried.
pub(crate) struct Seen {
    pub(crate) operand: usize,
    pub(crate) direction: Direction,
    pub(crate) bytes: Vec<u8>,
}

impl Seen {
    /// What of it was carried by `touch`, if it is of this operand.
    pub(crate) fn data(&self, touch: &Touch) -> Option<Data> {
        let is_same = (self.operand, self.direction) == (touch.operand, touch.direction);
        let bytes = self.bytes.get(touch.lane..)?.get(..touch.size as usize)?;
        is_same.then(|| Data::new(bytes))
    }
}

impl Tracer<'_> {
    /// Runs the instruction once, its data seen if that can be; leaves the registers as the
    /// program expects them.
    pub(crate) fn perform(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<Performed, Errno> {
        #[cfg(target_arch = "x86_64")]
        if let Some(performed) = self.probe(tid, instruction, before, touches)? {
            return Ok(performed);
        }
        let (stepped, after) = self.run_on_alias(tid, instruction, before, touches)?;
        Ok(Performed { stepped, seen: Vec::new(), after })
    }

    /// Runs the instruction as it is, on the aliases or else on the windows.
    pub(crate) fn run_on_alias(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        before: &Registers,
        touches: &[Touch],
    ) -> Result<(Stepped, Registers), Errno> {
        let redirect = moves(self.space(tid), touches)
            .and_then(|moves| instruction.redirect(before, &moves, ARENA.start + CODE));
        let Some(redirect) = redirect else {
            let stepped = self.step_opened(tid, before, touches)?;
            return Ok((stepped, Registers::read(tid)?));
        };
        #[cfg(target_arch = "x86_64")]
        if redirect.code.is_none()
            && let Some(ran) = self.run_copy(tid, instruction, &redirect, before)?
        {
            return Ok(ran);
        }
        self.run_redirected(tid, &redirect, before)
    }

    /// Runs the instruction with its operands elsewhere; settles the registers when it has run.
    pub(crate) fn run_redirected(
        &mut self,
        tid: Tid,
        redirect: &Redirect,
        before: &Registers,
    ) -> Result<(Stepped, Registers), Errno> {
        if let Some(code) = &redirect.code {
            ptrace::write_code(tid, ARENA.start + CODE, code)?;
        }
        redirect.start.write(tid)?;
        let stepped = self.step(tid)?;
        let mut after = redirect.start;
        if matches!(stepped, Stepped::Done) {
            after = Registers::read(tid)?;
            redirect.settle(before, &mut after);
            after.write(tid)?;
        }
        Ok((stepped, after))
    }
}

/// The operands to move, and how far; `None` when one of them cannot be moved as a whole.
pub(crate) fn moves(space: &Space, touches: &[Touch]) -> Option<Vec<Move>> {
    let mut moves: Vec<Move> = Vec::new();
    for touch in touches {
        let Some(mapping) = space.guards(&touch.range()) else { continue };
        let distance = mapping.alias?;
        // All of the operand has to lie in this one mapping.
        let is_whole = touches
            .iter()
            .filter(|other| other.operand == touch.operand)
            .all(|other| mapping.has(&other.range()));
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
