//! `rep movs` and `rep stos`: many accesses in one step.

use std::ops::Range;

use busprobe_trace::{Access, Data, Repeat};

use super::guard;
use super::known::Known;
use super::planner::{Planned, note, ordinary_memory};
use super::step::Step;
use super::stub::Stub;
use crate::native::access::touch::{Move, Touch};
use crate::native::arch::{Evidence, StringRun};

/// A string instruction that runs as a whole.
pub(super) struct Run {
    string: StringRun,
    moves: Vec<Move>,
    count: u64,
}

impl Run {
    /// Has the step run as many elements as lie in the same pages; `None` when that is none, or
    /// the instruction is another.
    pub(super) fn start(
        known: &Known,
        touches: &[Touch],
        moves: Vec<Move>,
        stub: Stub,
        step: &mut Step,
    ) -> Option<Run> {
        let string = known.instruction.string(&step.before)?;
        let alike = touches.iter().map(|touch| guard::alike(&touch.range(), string.step)).min()?;
        let count = string.count.min(alike).min(Repeat::MAX.into());
        if count == 0 {
            return None;
        }
        stub.write(&StringRun::code(&known.code));
        step.registers = string.start(&step.before, &moves, count, stub.address());
        Some(Run { string, moves, count })
    }

    /// Makes the registers what the program's own instruction would have left after as many
    /// elements; notes these, and returns how many.
    pub(super) fn settle(
        &self,
        number: u32,
        known: &Known,
        touches: &[Touch],
        step: &mut Step,
    ) -> u32 {
        let done =
            self.string.settle(&step.before, &self.moves, self.count, &mut step.registers) as u32;
        let is_of_window = |touch: &&Touch| guard::overlapping(&touch.range()).is_some();
        let of_windows: Vec<Touch> = touches.iter().filter(is_of_window).copied().collect();
        let what = match of_windows[..] {
            _ if done == 0 => return 0,
            [first] => {
                let (data, bytes) = self.carried(known, &first, touches, step, done);
                let first_access = Access { data, ..Access::new(first.direction, 0, first.size) };
                let (count, step) = (done, self.string.step);
                let repeat = Repeat { first: first_access, count, step, bytes };
                Planned::Repeated { instruction: number, first, repeat }
            }
            // From one window to another, in turns.
            _ => {
                let turn = |number| of_windows.iter().map(move |touch| (touch, number));
                let each = (0..done).flat_map(turn);
                let touches = each.map(|(touch, number)| (self.element(touch, number), None));
                Planned::Ran { instruction: number, touches: touches.collect() }
            }
        };
        note(step.thread, step.line, what);
        done
    }

    /// What all of the elements carried, or what each did, as a [`Repeat`] has it.
    fn carried(
        &self,
        known: &Known,
        first: &Touch,
        touches: &[Touch],
        step: &Step,
        done: u32,
    ) -> (Option<Data>, Option<Vec<u8>>) {
        let memory = |address, size| ordinary_memory(step, address, size);
        let Some(other) = touches.iter().find(|other| other.operand != first.operand) else {
            let (before, after) = (&step.before, &step.registers);
            let evidence = Evidence { before, after, vectors: None, memory: &memory };
            return (known.instruction.data(first, &evidence), None);
        };
        let (one, last) = (other.range(), self.element(other, done - 1).range());
        let all: Range<u64> = one.start.min(last.start)..one.end.max(last.end);
        let Some(bytes) = memory(all.start, (all.end - all.start) as usize) else {
            return (None, None);
        };
        let mut elements = bytes.chunks_exact(first.size as usize);
        let one = &bytes[..first.size as usize];
        if elements.all(|element| element == one) {
            return (Some(Data::new(one)), None);
        }
        (None, Some(bytes))
    }

    /// What comes so many elements after `first`.
    pub(super) fn element(&self, first: &Touch, number: u32) -> Touch {
        element(first, self.string.step, number)
    }
}

/// The touch so many after the first, which are `step` bytes apart.
pub(super) fn element(first: &Touch, step: i64, number: u32) -> Touch {
    let address = first.address.wrapping_add_signed(step.wrapping_mul(number.into()));
    Touch { address, ..*first }
}
