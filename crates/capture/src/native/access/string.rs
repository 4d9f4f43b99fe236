//! A repeated string instruction, which makes many accesses, as one record.
//!
//! Those whose data memory or one register shows run as a whole; of the others, which load what
//! only the next element replaces or nothing keeps, each element is run by itself.

use std::ops::Range;

use busprobe_trace::{Access, Data, Repeat};
use nix::errno::Errno;

use super::observe::Part;
use super::perform::moves;
use super::step::Stepped;
use super::touch::Touch;
use crate::native::arch::layout::ARENA;
use crate::native::arch::{Evidence, Instruction, Registers, StringRun};
use crate::native::ptrace::{self, How, Tid};
use crate::native::syscalls::inject::CODE;
use crate::native::tracer::Tracer;

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
        let of_windows = self.space(tid).uses(touches);
        let [first] = of_windows[..] else {
            // From one window to another, in turns.
            for number in 0..done {
                for touch in &of_windows {
                    self.note(tid, &element(touch, step, number), None, site);
                }
            }
            return;
        };
        let memory = |address, size| self.ordinary_memory(tid, address, size);
        let evidence = Evidence { before, after, vectors: None, memory: &memory };
        let data = match touches.iter().find(|other| other.operand != first.operand) {
            Some(other) if done > 0 => {
                let range = span(other, step, done);
                let bytes = memory(range.start, (range.end - range.start) as usize);
                bytes.map_or(RowData::Unknown, RowData::Each)
            }
            Some(_) => RowData::Unknown,
            None => instruction.data(&first, &evidence).map_or(RowData::Unknown, RowData::All),
        };
        self.record_row(tid, &Row { first, step, count: done, data }, site);
    }

    /// Adds to `elements` what one element of a repeated string instruction did, which was run by
    /// itself; records what they are when it does not go on from them.
    pub(crate) fn add_element(
        &mut self,
        tid: Tid,
        elements: &mut Elements,
        made: &[(Touch, Option<Data>)],
        site: u32,
    ) {
        let space = self.space(tid);
        let is_of_window = |(touch, _): &&(Touch, _)| space.is_used_by(touch);
        let of_windows: Vec<_> = made.iter().filter(is_of_window).copied().collect();
        if let [(touch, data)] = of_windows[..]
            && elements.take(&touch, data, site)
        {
            return;
        }
        self.record_elements(tid, elements);
        match of_windows[..] {
            [(touch, data)] => *elements = Elements::of(touch, data, site),
            // From two windows, in turns.
            _ => self.note_all(tid, &of_windows, site),
        }
    }

    /// Records the elements so far.
    pub(crate) fn record_elements(&mut self, tid: Tid, elements: &mut Elements) {
        let Elements { row, site } = std::mem::take(elements);
        let Some(mut row) = row else { return };
        if let RowData::Each(bytes) = &mut row.data
            && row.step < 0
        {
            let descending = bytes.chunks(row.first.size as usize).rev();
            *bytes = descending.flatten().copied().collect();
        }
        self.record_row(tid, &row, site);
    }

    /// As one record if it lies in windows as a whole, else one by one.
    fn record_row(&mut self, tid: Tid, row: &Row, site: u32) {
        let &Row { ref first, step, count, .. } = row;
        if count == 0 {
            return;
        }
        let (data, bytes) = row.carried();
        let repeat = |window, offset| Repeat {
            first: Access {
                window,
                data,
                thread: tid as u32,
                site: Some(site),
                ..Access::new(first.direction, offset, first.size)
            },
            count,
            step,
            bytes: bytes.clone(),
        };
        let whole = span(first, step, count);
        let parts = self.parts(tid, &whole);
        let is_whole = |Part { piece, .. }: &Part| {
            piece.range.end - piece.range.start == whole.end - whole.start
        };
        if count > 1 && parts.iter().all(is_whole) {
            for Part { piece, .. } in parts {
                let offset = piece.offset + (first.address - whole.start);
                self.recorder.repeat(repeat(piece.window, offset));
            }
            return;
        }
        let repeat = repeat(0, 0);
        for number in 0..count {
            self.note(tid, &element(first, step, number), repeat.data(number), site);
        }
    }
}

/// Accesses side by side that one instruction made, ascending or descending.
struct Row {
    first: Touch,
    /// From one to the next.
    step: i64,
    count: u32,
    data: RowData,
}

enum RowData {
    Unknown,
    /// They carried the same.
    All(Data),
    /// What each carried, in the order of addresses.
    Each(Vec<u8>),
}

impl Row {
    /// What all carried, or what each did, as a [`Repeat`] has it.
    fn carried(&self) -> (Option<Data>, Option<Vec<u8>>) {
        match &self.data {
            RowData::Unknown => (None, None),
            RowData::All(data) => (Some(*data), None),
            RowData::Each(bytes) => match all_equal(bytes, self.first.size) {
                Some(data) => (Some(data), None),
                None => (None, Some(bytes.clone())),
            },
        }
    }
}

/// The elements of a string instruction that were run one by one, on their way to one record;
/// their data are in the order that they came in.
#[derive(Default)]
pub(crate) struct Elements {
    row: Option<Row>,
    site: u32,
}

impl Elements {
    fn of(first: Touch, data: Option<Data>, site: u32) -> Elements {
        let data = data.map_or(RowData::Unknown, |data| RowData::Each(data.bytes().to_vec()));
        Elements { row: Some(Row { first, step: 0, count: 1, data }), site }
    }

    /// Whether no more are to be taken.
    pub(crate) fn is_full(&self) -> bool {
        self.row.as_ref().is_some_and(|row| row.count == Repeat::MAX)
    }

    /// Takes one that goes on from those before, or says that it does not.
    fn take(&mut self, touch: &Touch, data: Option<Data>, site: u32) -> bool {
        let is_full = self.is_full();
        let Some(row) = &mut self.row else { return false };
        let step = if row.count == 1 {
            touch.address.wrapping_sub(row.first.address) as i64
        } else {
            row.step
        };
        let is_next = step.unsigned_abs() == u64::from(touch.size)
            && element(&row.first, step, row.count) == *touch
            && site == self.site
            && !is_full;
        match (&mut row.data, data) {
            _ if !is_next => return false,
            (RowData::Each(bytes), Some(data)) => bytes.extend_from_slice(data.bytes()),
            (RowData::Unknown, None) => {}
            _ => return false,
        }
        row.step = step;
        row.count += 1;
        true
    }
}

/// The touch so many after the first.
fn element(first: &Touch, step: i64, number: u32) -> Touch {
    let address = first.address.wrapping_add_signed(step.wrapping_mul(number.into()));
    Touch { address, ..*first }
}

/// The addresses of `count` touches, of which there is one at least.
fn span(first: &Touch, step: i64, count: u32) -> Range<u64> {
    let (one, last) = (first.range(), element(first, step, count - 1).range());
    one.start.min(last.start)..one.end.max(last.end)
}

/// What every element holds, if all hold the same.
fn all_equal(bytes: &[u8], size: u32) -> Option<Data> {
    let mut elements = bytes.chunks_exact(size as usize);
    let first = elements.next()?;
    elements.all(|element| element == first).then(|| Data::new(first))
}
