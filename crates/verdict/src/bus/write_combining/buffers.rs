//! The typical outcome: buffers that are kept as long as can be.

use std::collections::VecDeque;

use busprobe_trace::{Access, Data, Direction};

use super::Shape;
use crate::Beat;
use crate::bus::Lowering;
use crate::bus::words::Words;

/// The buffers in use, the one that was begun first in front.
pub(super) struct Buffers {
    shape: Shape,
    lines: VecDeque<Line>,
}

/// One line's bytes; bit n of a mask is the byte at n.
struct Line {
    start: u64,
    held: u64,
    known: u64,
    bytes: [u8; Data::MAX],
}

impl Buffers {
    pub(super) fn new(shape: Shape) -> Self {
        Buffers { shape, lines: VecDeque::new() }
    }

    /// Stores the part of `access` that lies in the line at `start`.
    fn store(&mut self, access: &Access, start: u64, beats: &mut Vec<Beat>) {
        let at = self.lines.iter().position(|line| line.start == start).unwrap_or_else(|| {
            if self.lines.len() == self.shape.buffers as usize {
                self.send_first(beats);
            }
            self.lines.push_back(Line { start, held: 0, known: 0, bytes: [0; Data::MAX] });
            self.lines.len() - 1
        });
        let line_length = u64::from(self.shape.line);
        let line = &mut self.lines[at];
        let end = access.end().min(start.saturating_add(line_length));
        for address in access.offset.max(start)..end {
            let (place, byte) = ((address - start) as usize, (address - access.offset) as usize);
            line.held |= 1 << place;
            line.known &= !(1 << place);
            if let Some(data) = &access.data {
                line.known |= 1 << place;
                line.bytes[place] = data.bytes()[byte];
            }
        }
        if line.held == u64::MAX >> (64 - line_length) {
            let Some(full) = self.lines.remove(at) else { return };
            full.send(line_length, self.shape, beats);
        }
    }

    fn send_first(&mut self, beats: &mut Vec<Beat>) {
        if let Some(first) = self.lines.pop_front() {
            first.send(self.shape.chunk.into(), self.shape, beats);
        }
    }
}

impl Line {
    /// Sends what it holds, in transactions within pieces of `size` bytes.
    fn send(&self, size: u64, shape: Shape, beats: &mut Vec<Beat>) {
        let holds = |place: u64| self.held >> place & 1 == 1;
        let mut place = 0;
        while place < u64::from(shape.line) {
            if !holds(place) {
                place += 1;
                continue;
            }
            let piece_end = (place / size + 1) * size;
            let end = (place..piece_end).find(|place| !holds(*place)).unwrap_or(piece_end);
            let run = place as usize..end as usize;
            let is_known = run.clone().all(|place| self.known >> place & 1 == 1);
            let beat = Beat {
                direction: Direction::Write,
                offset: self.start + place,
                size: run.len() as u32,
                data: is_known.then(|| Data::new(&self.bytes[run])),
            };
            Words::cut(shape.width, &beat, beats);
            place = end;
        }
    }
}

impl Lowering for Buffers {
    fn push(&mut self, access: &Access, beats: &mut Vec<Beat>) {
        let &Access { direction, offset, size, data, .. } = access;
        if direction == Direction::Read {
            self.finish(beats);
            Words::cut(self.shape.width, &Beat { direction, offset, size, data }, beats);
            return;
        }
        let line = u64::from(self.shape.line);
        let mut start = offset / line * line;
        while start < access.end() {
            self.store(access, start, beats);
            let Some(next) = start.checked_add(line) else { break };
            start = next;
        }
    }

    fn finish(&mut self, beats: &mut Vec<Beat>) {
        while !self.lines.is_empty() {
            self.send_first(beats);
        }
    }
}
