//! A repeated string instruction, which makes many accesses, as one step and one record.

use busprobe_trace::{Access, Data, Repeat};
use nix::errno::Errno;

use super::arch::layout::ARENA;
use super::arch::{Evidence, Instruction, Registers, StringRun};
use super::inject::CODE;
use super::observe::Part;
use super::perform::moves;
use super::ptrace::{self, How, Tid};
use super::step::Stepped;
use super::touch::Touch;
use super::tracer::Tracer;

/// What a run of a string instruction did.
pub(crate) struct Ran {
    pub(crate) stepped: Stepped,
    /// The registers as the program's own instruction would have left them.
    pub(crate) after: Registers,
    /// How many elements were done.
    done: u32,
    /// From one to the next.
    step: i64,
}

impl Tracer<'_> {
    /// Runs as many elements as lie in the same mappings; `None` when that is less than one.
    pub(crate) fn run_string(
        &mut self,
        tid: Tid,
        string: &StringRun,
        code: &[u8],
        before: &Registers,
        touches: &[Touch],
    ) -> Result<Option<Ran>, Errno> {
        let space = self.space(tid);
        let alike = touches.iter().map(|touch| space.alike(touch, string.step)).min();
        let count = string.count.min(alike.unwrap_or(0)).min(Repeat::MAX.into());
        let (Some(moves), 1..) = (moves(space, touches), count) else { return Ok(None) };
        let stub = ARENA.start + CODE;
        ptrace::write_code(tid, stub, &StringRun::code(code))?;
        string.start(before, &moves, count, stub).write(tid)?;
        let stepped = self.run_to_trap(tid, How::Run)?;
        let mut after = Registers::read(tid)?;
        let done = string.settle(before, &moves, count, &mut after);
        after.write(tid)?;
        Ok(Some(Ran { stepped, after, done: done as u32, step: string.step }))
    }

    /// Records what a run did.
    pub(crate) fn record_string(
        &mut self,
        tid: Tid,
        instruction: &Instruction,
        site: u32,
        touches: &[Touch],
        before: &Registers,
        ran: &Ran,
    ) {
        let &Ran { done, step, ref after, .. } = ran;
        let space = self.space(tid);
        let of_windows: Vec<Touch> = touches
            .iter()
            .filter(|touch| space.guards(&touch.range()).is_some())
            .copied()
            .collect();
        let element = |touch: &Touch, number: u32| {
            let address = touch.address.wrapping_add_signed(step.wrapping_mul(number.into()));
            Touch { address, ..*touch }
        };
        let [touch] = of_windows[..] else {
            // From one window to another, in turns.
            for number in 0..done {
                for touch in &of_windows {
                    self.note(tid, &element(touch, number), None, site);
                }
            }
            return;
        };
        let Some(last) = done.checked_sub(1) else { return };
        let span = |touch: &Touch| {
            let (one, other) = (touch.range(), element(touch, last).range());
            one.start.min(other.start)..one.end.max(other.end)
        };
        let memory = |address, size| self.ordinary_memory(tid, address, size);
        let evidence = Evidence { before, after, vectors: None, memory: &memory };
        let other = touches.iter().find(|other| other.operand != touch.operand).map(span);
        let (data, bytes) = match other {
            Some(range) => {
                let bytes = memory(range.start, (range.end - range.start) as usize);
                let equal = bytes.as_deref().and_then(|bytes| all_equal(bytes, touch.size));
                (equal, bytes.filter(|_| equal.is_none()))
            }
            None => (instruction.data(&touch, &evidence), None),
        };
        let repeat = |window, offset| Repeat {
            first: Access {
                window,
                data,
                thread: tid as u32,
                site: Some(site),
                ..Access::new(touch.direction, offset, touch.size)
            },
            count: done,
            step,
            bytes: bytes.clone(),
        };
        let whole = span(&touch);
        let parts = self.parts(tid, &whole);
        let is_whole = |Part { piece, .. }: &Part| {
            piece.range.end - piece.range.start == whole.end - whole.start
        };
        if done > 1 && parts.iter().all(is_whole) {
            for Part { piece, .. } in parts {
                let first = piece.offset + (touch.address - whole.start);
                self.recorder.repeat(repeat(piece.window, first));
            }
            return;
        }
        let repeat = repeat(0, 0);
        for number in 0..done {
            self.note(tid, &element(&touch, number), repeat.data(number), site);
        }
    }
}

/// What every element holds, if all hold the same.
fn all_equal(bytes: &[u8], size: u32) -> Option<Data> {
    let mut elements = bytes.chunks_exact(size as usize);
    let first = elements.next()?;
    elements.all(|element| element == first).then(|| Data::new(first))
}
