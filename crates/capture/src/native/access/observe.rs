//! What an instruction did to windows, as records.

use std::ops::Range;

use busprobe_trace::{Access, Data, LossKind};
use nix::errno::Errno;

use super::perform::Seen;
use super::touch::Touch;
use crate::native::arch::{Evidence, Instruction, Registers, Vectors};
use crate::native::ptrace::{self, Tid};
use crate::native::tracer::Tracer;
use crate::native::windows::watch::Piece;

impl Tracer<'_> {
    /// The id of the site of the instruction `code`, which these registers stand before.
    pub(crate) fn site(&mut self, tid: Tid, before: &Registers, code: &[u8]) -> u32 {
        let id = self.process(tid).space;
        let Tracer { sites, recorder, spaces, .. } = self;
        let space = spaces.get_mut(&id).expect("a process's space is known");
        sites.find(space, tid, before, code, recorder)
    }

    /// What an instruction did that has run once, with the data that was seen or that registers
    /// show.
    pub(crate) fn made(
        &self,
        tid: Tid,
        instruction: &Instruction,
        touches: &[Touch],
        [before, after]: [&Registers; 2],
        seen: &[Seen],
    ) -> Result<Vec<(Touch, Option<Data>)>, Errno> {
        if !instruction.has_made(after) {
            return Ok(Vec::new());
        }
        let vectors = instruction.shows_in_vectors().then(|| Vectors::read(tid)).transpose()?;
        let memory = |address, size| self.ordinary_memory(tid, address, size);
        let evidence = Evidence { before, after, vectors: vectors.as_ref(), memory: &memory };
        let data = |touch: &Touch| {
            let seen = seen.iter().find_map(|seen| seen.data(touch));
            seen.or_else(|| instruction.data(touch, &evidence))
        };
        Ok(touches.iter().map(|touch| (*touch, data(touch))).collect())
    }

    /// Records loads and stores, one by one.
    pub(crate) fn note_all(&mut self, tid: Tid, made: &[(Touch, Option<Data>)], site: u32) {
        for (touch, data) in made {
            self.note(tid, touch, *data, site);
        }
    }

    /// Records one load or store, as much of it as lies in windows.
    pub(crate) fn note(&mut self, tid: Tid, touch: &Touch, data: Option<Data>, site: u32) {
        let range = touch.range();
        if touch.size == 0 && self.space(tid).guards(&range).is_some() {
            let detail = "an instruction that saves or restores the processor's state used a \
                          window: how much of it is not known";
            self.recorder.loss(LossKind::Missed, detail);
            return;
        }
        for Part { piece, skipped } in self.parts(tid, &range) {
            let length = piece.range.end - piece.range.start;
            let first = skipped as usize;
            if length < touch.size.into() {
                let detail = "an access crossed the end of a window: the trace has the part inside";
                self.recorder.loss(LossKind::Approximate, detail);
            }
            let part =
                |data: Data| Some(Data::new(data.bytes().get(first..first + length as usize)?));
            self.recorder.access(&Access {
                window: piece.window,
                data: data.and_then(part),
                thread: tid as u32,
                site: Some(site),
                ..Access::new(touch.direction, piece.offset, length as u32)
            });
        }
    }

    /// The parts of a range of addresses that lie in windows.
    pub(crate) fn parts(&self, tid: Tid, range: &Range<u64>) -> Vec<Part> {
        let Some(mapping) = self.space(tid).guards(range) else { return Vec::new() };
        let in_file = mapping.file_range(range);
        // An operand may begin before the mapping that it ends in.
        let before = mapping.range.start.saturating_sub(range.start);
        self.watched
            .pieces(mapping.file, &in_file)
            .map(|piece| Part { skipped: piece.range.start - in_file.start + before, piece })
            .collect()
    }

    /// Reads memory of the program that is no window; `None` when not all of it is such.
    pub(crate) fn ordinary_memory(&self, tid: Tid, address: u64, size: usize) -> Option<Vec<u8>> {
        let range = address..address.checked_add(size as u64)?;
        let mut bytes = vec![0; size];
        let is_ordinary = !self.space(tid).is_device(&range);
        let read = is_ordinary.then(|| ptrace::read_memory(tid, address, &mut bytes));
        (read == Some(Ok(size))).then_some(bytes)
    }
}

/// A part of a range of addresses that lies in a window.
pub(crate) struct Part {
    pub(crate) piece: Piece,
    /// How many bytes of the range come before it.
    pub(crate) skipped: u64,
}
